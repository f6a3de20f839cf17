"""How requests ended, one by one and counted: who answered what."""

from collections import Counter
from dataclasses import dataclass, field

OK = 200
BODY_CHARS_SHOWN = 200


@dataclass(frozen=True, kw_only=True)
class Reply:
    """How one request ended.

    Attributes:
        status: HTTP's, as the client sees it; None if no answer came.
        deployment: who answered; None if no deployment did.
        model_status: the model's own status where that was not 200; clients see 424 then.
        body: of the answer; what went wrong if there was none.
        latency_ms: from sending it until its answer was there.
        run_ms: what of that was spent in ``run()``; 0 if no deployment answered.
    """

    status: int | None = None
    deployment: str | None = None
    model_status: int | None = None
    body: bytes = b""
    latency_ms: float = 0.0
    run_ms: float = 0.0

    @property
    def failed(self) -> bool:
        """Whether it got anything but a 200 from a deployment."""
        return self.status != OK or self.deployment is None

    def __str__(self) -> str:
        text = self.body.decode(errors="replace")[:BODY_CHARS_SHOWN]
        by = f" by {self.deployment}" if self.deployment else ""
        return f"{self.status or 'no answer'}{by}: {text}"


@dataclass
class Answers:
    """How a number of requests ended, in the order of their ends."""

    replies: list[Reply] = field(default_factory=list)

    @property
    def sent(self) -> int:
        """How many requests there were."""
        return len(self.replies)

    @property
    def shares(self) -> Counter[str]:
        """Deployment to how many it answered, whatever its answer."""
        return Counter(reply.deployment for reply in self.replies if reply.deployment)

    @property
    def statuses(self) -> Counter[int | None]:
        """HTTP status to how many; None for those without an answer."""
        return Counter(reply.status for reply in self.replies)

    @property
    def failed(self) -> list[Reply]:
        """Those that got anything but a 200 from a deployment."""
        return [reply for reply in self.replies if reply.failed]

    def by(self, deployment: str) -> "Answers":
        """Those that a deployment answered."""
        return Answers([reply for reply in self.replies if reply.deployment == deployment])

    @property
    def bodies(self) -> Counter[bytes]:
        """Body to how many answers had it."""
        return Counter(reply.body for reply in self.replies)

    def percentile_ms(self, percent: float) -> float:
        """The latency that ``percent`` of the good answers did not exceed; 0 for none."""
        ordered = sorted(reply.latency_ms for reply in self.replies if not reply.failed)
        rank = max(1, int(-(-len(ordered) * percent // 100)))
        return ordered[rank - 1] if ordered else 0.0
