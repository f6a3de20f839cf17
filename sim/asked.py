"""One request of a simulated client, from its question to the last byte of its answer."""

from typing import TYPE_CHECKING

from router.core.request import Answer, Refusal, Request

if TYPE_CHECKING:
    from collections.abc import Callable

    from sim.instance import SimAnswer
    from sim.record import Record
    from sim.worker import SimWorker

# What HTTP adds to a body, about.
HEAD_BYTES = 200
OK, MODEL_ERROR = "ok", "model_error"
STATUS_OK = 200


class Asked:
    """A question, and what became of it.

    Args:
        ended: called with it and its outcome when the router has sent the last byte.

    Attributes:
        number: from 1 on, in the order of asking.
        at_ns: when it was asked.
        pinned: the deployment that it named.
        step: the part of the timeline in which it was asked.
        worker: whom it was sent to.
        deployment: who was to answer; empty if nobody.
        is_live: traffic rules sent it there.
        way_ns: what it takes from the client to the router, and its answer back.
    """

    __slots__ = (
        "_ended",
        "_record",
        "at_ns",
        "body_bytes",
        "deployment",
        "endpoint",
        "is_live",
        "number",
        "pinned",
        "step",
        "way_ns",
        "worker",
    )

    def __init__(
        self,
        number: int,
        at_ns: int,
        endpoint: str,
        pinned: str | None,
        body_bytes: int,
        record: "Record",
        ended: "Callable[[Asked, str], None]",
    ) -> None:
        self.number = number
        self.at_ns = at_ns
        self.endpoint = endpoint
        self.pinned = pinned
        self.body_bytes = body_bytes
        self.step = 0
        self.worker: SimWorker | None = None
        self.deployment = ""
        self.is_live = False
        self.way_ns = 0
        self._record = record
        self._ended = ended

    def on_answer(self, request: Request, answer: Answer) -> None:
        """The model answered, well or badly."""
        del request
        found: SimAnswer = answer  # type: ignore[assignment] # instances here give no other
        self._record.auditor.answered(self, found.asked)
        assert self.worker is not None
        outcome = OK if answer.status == STATUS_OK else MODEL_ERROR
        self.worker.write(self, outcome, len(answer.payload) + HEAD_BYTES)

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        """The router answers in the model's place."""
        del request
        self._record.auditor.failed(self, refusal.reason.value)
        self.end(refusal.reason.value)

    def end(self, outcome: str) -> None:
        """The answer's last byte has left the router."""
        self._ended(self, outcome)
