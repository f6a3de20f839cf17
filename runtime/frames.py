"""Messages between an instance and its worker processes: the protocol's own, with a length.

Both directions: four bytes of length, then a serialised RequestBatch or AnswerBatch.
"""

import asyncio

from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch

_LENGTH_BYTES = 4


def write(writer: asyncio.StreamWriter, message: RequestBatch | AnswerBatch) -> None:
    """Puts a message into the writer's buffer."""
    data = message.SerializeToString()
    writer.write(len(data).to_bytes(_LENGTH_BYTES, "little"))
    writer.write(data)


async def read(reader: asyncio.StreamReader) -> bytes:
    """The next message, serialised.

    Raises:
        asyncio.IncompleteReadError: the other side is gone.
        ConnectionError: likewise.
    """
    length = int.from_bytes(await reader.readexactly(_LENGTH_BYTES), "little")
    return await reader.readexactly(length)
