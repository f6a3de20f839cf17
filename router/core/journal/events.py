"""What a journal is made of: calls into the core, what the core had done, and results.

The order is that of events as they happened. A call of the core stands before what it
brings about; between something that the core had done by its shell and the next such thing,
or the end of the call, stand the calls that the shell made meanwhile. So a journal is a
tree, written down from left to right, and can be followed without looking ahead by more
than one event.

A file is a row of chunks, each with its length in 4 bytes in front, and each a MessagePack
array of events: what was written when a process was killed can be read up to its last chunk.
"""

from collections.abc import Iterator, Sequence
from typing import IO

import msgspec
from msgspec import Struct

from router.core.errors import BadRequest
from router.core.routing import Routing

FORMAT = 2
LENGTH_BYTES = 4
CHUNK_BYTES_MAX = 256 * 1024 * 1024


class _Event(Struct, frozen=True, array_like=True):
    """One element of a journal; times are the worker's monotonic clock's, in ns."""


# What entered the core.


class Began(_Event, frozen=True, tag=0):
    """A dispatcher was made. The first event of a journal, and only the first.

    Attributes:
        version: Turnout's, that wrote it.
        seed: of its random generator.
        workers: how many processes keep the budgets together; if there are several, what the
            budgets said is in the journal.
    """

    format: int
    version: str
    seed: int
    worker: int
    workers: int
    now_ns: int


class Swapped(_Event, frozen=True, tag=1):
    """A routing came; keys and secrets have other names in it (pseudonyms.py)."""

    routing: Routing
    unreachable: tuple[str, ...]


class Authorized(_Event, frozen=True, tag=2):
    """Somebody showed an Authorization header, which has another name here."""

    endpoint: str
    authorization: bytes
    now_ns: int


class Arrived(_Event, frozen=True, tag=3):
    """A request came; ``aside`` if it asks for no prediction."""

    endpoint: str
    pinned: str | None
    body_bytes: int
    head_bytes: int
    now_ns: int
    aside: bool


class Pumped(_Event, frozen=True, tag=4):
    """The shell looked after a lane, as it had been asked to."""

    lane: int
    now_ns: int


class Part(Struct, frozen=True, array_like=True):
    """One answer of an instance, or a part of one."""

    id: int
    outcome: int
    status: int
    payload_bytes: int
    run_ns: int
    more: bool


class Answered(_Event, frozen=True, tag=5):
    """An instance's message came."""

    instance: str
    answers: tuple[Part, ...]
    now_ns: int


class Taken(_Event, frozen=True, tag=6):
    """A client has taken so much of a streamed answer."""

    request: int
    count_bytes: int


class Abandoned(_Event, frozen=True, tag=7):
    """A request's client is gone."""

    request: int


class TimePassed(_Event, frozen=True, tag=8):
    """The shell's regular call."""

    now_ns: int


class Lost(_Event, frozen=True, tag=9):
    """An instance's stream broke."""

    instance: str
    now_ns: int


class Found(_Event, frozen=True, tag=10):
    """A lost instance can be reached again."""

    instance: str


class Charged(_Event, frozen=True, tag=11):
    """Bytes were counted by an endpoint's throttle."""

    quota: int
    count_bytes: int
    now_ns: int


class AskedToWait(_Event, frozen=True, tag=12):
    """The throttle was asked whether so many bytes would have to wait."""

    quota: int
    count_bytes: int
    now_ns: int


class Connected(_Event, frozen=True, tag=13):
    """A client's connection called an endpoint for the first time."""

    endpoint: str
    now_ns: int


class Disconnected(_Event, frozen=True, tag=14):
    """A connection that was counted is gone."""

    quota: int


class Closed(_Event, frozen=True, tag=15):
    """The dispatcher answered what was left: nobody else would."""


# What the core had done.


class Woke(_Event, frozen=True, tag=32):
    """Asked to pump a lane; lanes are numbered in the order in which they are named."""

    lane: int
    endpoint: str
    deployment: str


class WokeAt(_Event, frozen=True, tag=33):
    """Asked to pump a lane then."""

    lane: int
    due_ns: int


class Sent(_Event, frozen=True, tag=34):
    """Gave requests to an instance, as one message."""

    instance: str
    requests: tuple[int, ...]


class Told(_Event, frozen=True, tag=35):
    """Had these requests' answers passed on."""

    requests: tuple[int, ...]


class PassedOn(_Event, frozen=True, tag=36):
    """Passed on a part of an answer."""

    request: int


class Refused(_Event, frozen=True, tag=37):
    """Answered a request that had been taken in the model's place."""

    request: int
    reason: str
    retry_after_s: int


class Granted(_Event, frozen=True, tag=38):
    """Let an instance send more of a streamed answer."""

    instance: str
    request: int
    count_bytes: int


class Cancelled(_Event, frozen=True, tag=39):
    """Told an instance that nobody wants the rest of an answer."""

    instance: str
    request: int


class Drained(_Event, frozen=True, tag=40):
    """Let go of an instance."""

    instance: str


# What the core was told by what it asked.


class Verified(_Event, frozen=True, tag=64):
    """How long a token is good for, in ns."""

    left_ns: int


class Drew(_Event, frozen=True, tag=65):
    """What a bucket, or a count, that workers share said."""

    result: int


# How a call of the core ended.

Result = tuple[int | str, ...]


class Ended(_Event, frozen=True, tag=127):
    """The call returned this."""

    result: Result = ()


Entered = (
    Swapped | Authorized | Arrived | Pumped | Answered | Taken | Abandoned | TimePassed | Lost
    | Found | Charged | AskedToWait | Connected | Disconnected | Closed
)  # fmt: skip
Done = Woke | WokeAt | Sent | Told | PassedOn | Refused | Granted | Cancelled | Drained
Learnt = Verified | Drew
Event = Began | Entered | Done | Learnt | Ended

_encoder = msgspec.msgpack.Encoder()
_decode = msgspec.msgpack.Decoder(list[Event]).decode


def encode_chunk(events: Sequence[Event]) -> bytes:
    """The events as a chunk of a journal's file."""
    body = _encoder.encode(events)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


def read_events(file: IO[bytes]) -> Iterator[Event]:
    """The events of a journal's file, up to its last whole chunk.

    Raises:
        BadRequest: it is no journal.
    """
    while len(length := file.read(LENGTH_BYTES)) == LENGTH_BYTES:
        count_bytes = int.from_bytes(length, "big")
        if count_bytes > CHUNK_BYTES_MAX:
            raise BadRequest(
                f"expected a journal's chunk of at most {CHUNK_BYTES_MAX} bytes, got one that "
                f"says {count_bytes}: this is no journal of a worker"
            )
        body = file.read(count_bytes)
        if len(body) < count_bytes:
            return
        try:
            events = _decode(body)
        except msgspec.MsgspecError as error:
            raise BadRequest(f"expected a journal's events, got: {error}") from None
        yield from events
