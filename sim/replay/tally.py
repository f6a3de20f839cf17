"""What happened in a journal, counted: who was served by whom, and what was refused."""

from collections import Counter
from collections.abc import Sequence

from router.core.journal.events import Arrived, Authorized, Event, Result, Swapped
from router.core.request import Kind, Reason, Refusal, Request

_REASONS = {reason.value for reason in Reason}


class Tally:
    """Counts.

    Attributes:
        live, direct, copies: requests by endpoint and deployment; of copies, those that were
            sent.
        refusals: by reason: of arrivals, and of requests that had been taken.
        messages: to instances.
        generations: routings that were put in force.
        first_ns, last_ns: when the first call and the last one came; 0 if none did.
    """

    def __init__(self) -> None:
        self.live: Counter[tuple[str, str]] = Counter()
        self.direct: Counter[tuple[str, str]] = Counter()
        self.copies: Counter[tuple[str, str]] = Counter()
        self.refusals: Counter[str] = Counter()
        self.messages = 0
        self.generations = 0
        self.first_ns = self.last_ns = 0

    def sent(self, batch: Sequence[Request]) -> None:
        """A message to an instance."""
        self.messages += 1
        for request in batch:
            if request.kind is Kind.COPY:
                self.copies[request.deployment.lane.endpoint, request.deployment.name] += 1

    def refused(self, refusal: Refusal) -> None:
        """A request that had been taken was answered in the model's place."""
        self.refusals[refusal.reason.value] += 1

    def returned(self, event: Event, result: Result) -> None:
        """A call of the core has returned."""
        now_ns: int | None = getattr(event, "now_ns", None)
        if now_ns is not None:
            self.first_ns = self.first_ns or now_ns
            self.last_ns = now_ns
        if isinstance(event, Swapped):
            self.generations += 1
        if isinstance(event, Authorized) and result == (0,):
            self.refusals[Reason.UNAUTHORIZED.value] += 1
        if isinstance(event, Arrived) and result:
            what, _, deployment = result
            if what in _REASONS:
                self.refusals[str(what)] += 1
                return
            kinds = self.live if result[1] == Kind.LIVE.value else self.direct
            kinds[event.endpoint, str(deployment)] += 1
