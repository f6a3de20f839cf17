"""What the control plane and a worker say to each other over the worker's Unix socket.

Only types and framing; sockets are in router/data_plane/control.py (the worker, which
listens) and router/control_plane/workers.py (which connects, so that a new control plane
finds running workers). A frame is a 4-byte big-endian length and that many bytes of
MessagePack. The caller numbers its calls; a reply carries its call's number.
"""

import msgspec
from msgspec import Struct

from router.core.routing import Routing
from router.core.statistics import InstanceStatistics, WorkerStatistics

LENGTH_BYTES = 4
# How long a worker drains that is told to stop by a signal.
SIGNAL_DRAIN_MS = 30_000
FRAME_BYTES_MAX = 256 * 1024 * 1024


class Apply(Struct, frozen=True, tag=True):
    """Swap to this routing. Answered by Applied once no later request sees an older one."""

    routing: Routing


class AwaitDrained(Struct, frozen=True, tag=True):
    """Answered by Drained when the named instances hold none of this worker's requests."""

    instance_ids: tuple[str, ...]
    timeout_ms: int


class GetStatistics(Struct, frozen=True, tag=True):
    """Answered by Counted."""


class Ping(Struct, frozen=True, tag=True):
    """Answered by Pong at once, unless the worker hangs."""


class LendListener(Struct, frozen=True, tag=True):
    """Send the listening socket to this Unix datagram socket. Answered by Lent after that.

    Whoever has it as well keeps the connections that wait in it when the worker ends.
    """

    path: str


class Stop(Struct, frozen=True, tag=True):
    """Stop accepting, answer all that was taken, exit. Answered by Stopping at once.

    Attributes:
        idle_grace_ms: how long a client that is not waiting for an answer may still ask for
            one, which tells it that the connection ends.
    """

    drain_timeout_ms: int
    idle_grace_ms: int = 0


class Applied(Struct, frozen=True, tag=True):
    """The snapshot of this generation is the one in force."""

    generation: int


class Drained(Struct, frozen=True, tag=True):
    """Which of the named instances still held requests when the time was over."""

    remaining: tuple[str, ...]


class Counted(Struct, frozen=True, tag=True):
    """The worker's counters, and what instances owe it."""

    statistics: WorkerStatistics
    instances: tuple[InstanceStatistics, ...] = ()


class Pong(Struct, frozen=True, tag=True):
    """The worker takes commands.

    Attributes:
        is_stopping: it was told to end, by a signal if not by ``Stop``, and drains.
        generation: of the newest routing that it was given; it may not be in force yet. A worker
            of an older version does not say.
    """

    is_stopping: bool = False
    generation: int = 0


class Lent(Struct, frozen=True, tag=True):
    """The listening socket is where it was wanted.

    Attributes:
        is_stopping: it is not: the worker was told to stop before, and accepts no more.
    """

    is_stopping: bool


class Stopping(Struct, frozen=True, tag=True):
    """The worker drains; its process ends when it is done."""


class Failed(Struct, frozen=True, tag=True):
    """The call failed. After a failed Apply the worker is to be replaced, or told again."""

    message: str


Command = Apply | AwaitDrained | GetStatistics | Ping | LendListener | Stop
Reply = Applied | Drained | Counted | Pong | Lent | Stopping | Failed


class CommandFrame(Struct, frozen=True):
    """A numbered command."""

    number: int
    body: Command


class ReplyFrame(Struct, frozen=True):
    """The reply to the command of the same number."""

    number: int
    body: Reply


_encoder = msgspec.msgpack.Encoder()
decode_command = msgspec.msgpack.Decoder(CommandFrame).decode
decode_reply = msgspec.msgpack.Decoder(ReplyFrame).decode


def encode_frame(frame: CommandFrame | ReplyFrame) -> bytes:
    """The frame with its length in front, ready to be written."""
    body = _encoder.encode(frame)
    assert len(body) <= FRAME_BYTES_MAX, f"frame of {len(body)} bytes"
    return len(body).to_bytes(LENGTH_BYTES, "big") + body
