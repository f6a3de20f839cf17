"""A request on its way through the core, and what can come of it.

One object a request: the hot path makes nothing else that lives.
"""

from collections.abc import Sequence
from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Protocol, TypeAlias

from msgspec import Struct

# A view, of bytes, of what the body came in, where copying it would take long: none is smaller.
Payload: TypeAlias = bytes | memoryview
VIEW_BYTES_MIN = 16 * 1024

if TYPE_CHECKING:
    from router.core.instance import Instance
    from router.core.snapshot import SnapshotDeployment


class Kind(Enum):
    """How a request found its deployment: by the schedule, past it, or as a copy."""

    LIVE = "live"
    DIRECT = "direct"
    COPY = "copy"


class Head(Struct, frozen=True, gc=False):
    """What a client said besides the body. The core passes it on and looks at none of it.

    Attributes:
        content_type: the body's media type.
        method, target: both empty for POST /score; the target is the path below the endpoint,
            with its query.
        headers: the client's own, in their order.
        legacy_id: what x-ms-request-id of the answer shall be; empty for the request's id.
        echo: header lines that go back with the answer, each with its line end.
        takes_chunks: the client can read an answer whose length isn't known when it begins.
        takes_trailers: it reads headers that come after a body (RFC 9110, 10.1.4).
        size_bytes: of all that as it came: the request without its body.
    """

    content_type: str = "application/json"
    method: str = ""
    target: str = ""
    headers: Sequence[tuple[bytes, bytes]] = ()
    legacy_id: bytes = b""
    echo: bytes = b""
    takes_chunks: bool = True
    takes_trailers: bool = False
    size_bytes: int = 0


NO_HEAD = Head()


class Reason(Enum):
    """Why a request got no good answer. The values are Azure's where it has one (azure.md 4.2)."""

    UNAUTHORIZED = "unauthorized"
    NO_TRAFFIC = "no_traffic"
    UNKNOWN_DEPLOYMENT = "unknown_deployment"
    MODEL_ERROR = "model_error"
    TOO_MANY_PENDING = "too_many_pending_request"
    RATE_LIMITED = "rate_limited"
    TOO_MANY_CONNECTIONS = "too_many_connections"
    TIMED_OUT = "timed_out"
    MODEL_NOT_READY = "model_not_ready"
    INSTANCE_LOST = "instance_lost"
    STOPPING = "stopping"


class Refusal(Struct, frozen=True):
    """An answer that the router gives itself: why, and what to do about it.

    Attributes:
        retry_after_s: when to try again, if that is known.
        deployment: whose turn it was; empty if the request found none.
    """

    reason: Reason
    message: str
    retry_after_s: int = 1
    deployment: str = ""


class Outcome(IntEnum):
    """What became of a request at an instance; the numbers are those of scoring.proto."""

    RETURNED = 1
    RAISED = 2
    BAD_INPUT = 3
    EXPIRED = 4


class Answer(Protocol):
    """One answer of an instance: scoring.proto's, whatever its form, or the simulator's own.

    A streamed one comes in parts, each an Answer; status and outcome are those of the whole
    as far as it is known.
    """

    @property
    def id(self) -> int:
        """The number of the request it answers."""

    @property
    def outcome(self) -> int:
        """An Outcome."""

    @property
    def status(self) -> int:
        """The model's HTTP status: 200, or what became of the request."""

    @property
    def payload(self) -> bytes:
        """The body."""

    @property
    def content_type(self) -> str:
        """The media type of the body."""

    @property
    def run_ns(self) -> int:
        """Time spent inside run(); 0 if it did not run."""

    @property
    def more(self) -> bool:
        """Whether another part follows."""


class Client(Protocol):
    """Who asked. Each request it was taken for ends once: by a last answer or a refusal."""

    def on_answer(self, request: "Request", answer: Answer) -> None:
        """The model answered, well or badly; if there is ``more``, this was a part."""

    def on_refusal(self, request: "Request", refusal: Refusal) -> None:
        """The router answers in the model's place, or ends an answer that has begun."""


class Request(Struct, eq=False):
    """A request that the core has taken, or a mirrored copy of one.

    Attributes:
        id: unique in this worker; 0 is never used.
        deployment: the snapshot's deployment it was routed to, pinned at arrival.
        payload: the body; released when an answer begins, or when the ledger has let it go.
        head: see Head.
        deadline_ns: when it must be answered, on the clock that gave ``now_ns``.
        client: None for a copy, whose answer is measured and dropped.
        copy_of: the id of the live request that this is a copy of, 0 if it is none.
        instance: where it is outstanding, None while it is queued.
        resent: whether it was outstanding at an instance that was lost.
        begun: a part of its answer has come, and it can't be sent to another instance.
        delay_ns: how long the throttle held it up before it was taken.
        reply: for the listener's use: what is rendered of its answer and not written yet.
        entry: likewise: what its line of the traffic log will say, if there is one.
    """

    id: int
    kind: Kind
    deployment: "SnapshotDeployment"
    payload: Payload
    head: Head
    deadline_ns: int
    client: Client | None
    copy_of: int = 0
    delay_ns: int = 0
    instance: "Instance | None" = None
    resent: bool = False
    begun: bool = False
    reply: object = None
    entry: object = None

    def __repr__(self) -> str:
        """Without the head and its key, nor the body: it may stand in a log."""
        return f"Request({self.id}, {self.kind.value})"
