"""An instance's answer as a journal has it: its size, not its words."""

from router.core.journal.events import Part


class PlayedAnswer:
    """See core/request.py, Answer."""

    __slots__ = ("content_type", "id", "more", "outcome", "payload", "run_ns", "status")

    def __init__(self, part: Part) -> None:
        self.id = part.id
        self.outcome = part.outcome
        self.status = part.status
        self.payload = bytes(part.payload_bytes)
        self.content_type = ""
        self.run_ns = part.run_ns
        self.more = part.more
