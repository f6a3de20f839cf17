"""scoring.proto's encoding around a body that is not copied into a message.

protobuf copies a body when it is put into a message and again when that becomes bytes, which
is most of what a large one costs. In the bytes a body stands as it is, and so they can be put
around it (protobuf.dev, "Encoding"): a message is its fields one after the other, each of them
here a tag, the count of its bytes, and these.
"""

from router.core.request import Payload
from turnout.scoring.v1.scoring_pb2 import RequestBatch, ScoreRequest

_COUNTED = 2
_DIGIT, _MORE = 0x7F, 0x80
_REQUEST_TAG = bytes([RequestBatch.REQUESTS_FIELD_NUMBER << 3 | _COUNTED])
_PAYLOAD_TAG = bytes([ScoreRequest.PAYLOAD_FIELD_NUMBER << 3 | _COUNTED])


def encode(request: ScoreRequest, payload: Payload) -> tuple[bytes, Payload]:
    """The two pieces of a RequestBatch that holds one request; a batch of more is all of theirs.

    Args:
        request: without its body.
        payload: the body.
    """
    fields = request.SerializeToString() + _PAYLOAD_TAG + _varint(len(payload))
    return _REQUEST_TAG + _varint(len(fields) + len(payload)) + fields, payload


def _varint(number: int) -> bytes:
    """Seven bits a byte, the lowest first; all but the last have the eighth set."""
    digits = bytearray()
    while number > _DIGIT:
        digits.append(number & _DIGIT | _MORE)
        number >>= 7
    digits.append(number)
    return bytes(digits)
