"""A request on its way through the core, and what can come of it.

One object a request, with preallocated slots: the hot path makes nothing else that lives.
"""

from enum import Enum, IntEnum
from typing import TYPE_CHECKING, Protocol

from msgspec import Struct

if TYPE_CHECKING:
    from router.core.lane import Instance
    from router.core.snapshot import SnapshotDeployment


class Kind(Enum):
    """How a request found its deployment."""

    LIVE = "live"
    DIRECT = "direct"
    COPY = "copy"


class Reason(Enum):
    """Why a request got no good answer. The values are Azure's where it has one (azure.md 4.2)."""

    UNAUTHORIZED = "unauthorized"
    NO_TRAFFIC = "no_traffic"
    UNKNOWN_DEPLOYMENT = "unknown_deployment"
    MODEL_ERROR = "model_error"
    TOO_MANY_PENDING = "too_many_pending_request"
    TIMED_OUT = "timed_out"
    MODEL_NOT_READY = "model_not_ready"
    INSTANCE_LOST = "instance_lost"
    STOPPING = "stopping"


class Refusal(Struct, frozen=True):
    """An answer that the router gives itself: why, and what to do about it."""

    reason: Reason
    message: str


class Outcome(IntEnum):
    """What became of a request at an instance; the numbers are those of scoring.proto."""

    RETURNED = 1
    RAISED = 2
    BAD_INPUT = 3
    EXPIRED = 4


class Answer(Protocol):
    """One answer of an instance: scoring.proto's ScoreAnswer, or the simulator's own."""

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


class Client(Protocol):
    """Who asked. Exactly one of the two is called, once, for each request it was taken for."""

    def on_answer(self, request: "Request", answer: Answer) -> None:
        """The model answered, well or badly."""

    def on_refusal(self, request: "Request", refusal: Refusal) -> None:
        """The router answers in the model's place."""


class Request:
    """A request that the core has taken, or a mirrored copy of one.

    Attributes:
        id: unique in this worker; 0 is never used.
        deployment: the snapshot's deployment it was routed to, pinned at arrival.
        payload: the body; released when the request is done.
        deadline_ns: when it must be answered, on the clock that gave ``now_ns``.
        client: None for a copy, whose answer is measured and dropped.
        instance: where it is outstanding, None while it is queued.
        resent: whether it was outstanding at an instance that was lost.
        done: answered, refused or dropped; nothing may answer it again.
        reply: for the listener's use: the rendered answer while earlier ones are awaited.
    """

    __slots__ = (
        "client",
        "content_type",
        "deadline_ns",
        "deployment",
        "done",
        "id",
        "instance",
        "kind",
        "payload",
        "reply",
        "resent",
    )

    def __init__(
        self,
        id_: int,
        kind: Kind,
        deployment: "SnapshotDeployment",
        payload: bytes,
        content_type: str,
        deadline_ns: int,
        client: Client | None,
    ) -> None:
        self.id = id_
        self.kind = kind
        self.deployment = deployment
        self.payload = payload
        self.content_type = content_type
        self.deadline_ns = deadline_ns
        self.client = client
        self.instance: Instance | None = None
        self.resent = False
        self.done = False
        self.reply: bytes | None = None
