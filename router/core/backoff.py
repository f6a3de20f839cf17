"""How long to wait before an instance that ended is started again."""

DELAY_S_MIN = 1.0
DELAY_S_MAX = 30.0
# An instance that lived so long was not broken from the start: begin with short delays again.
HEALTHY_LIFE_S = 60.0


class Backoff:
    """The delays of one deployment's restarts: each twice as long as the one before."""

    def __init__(self) -> None:
        self._delay_s = DELAY_S_MIN

    def on_end(self, lived_s: float) -> None:
        """An instance has ended that lived so long."""
        if lived_s >= HEALTHY_LIFE_S:
            self._delay_s = DELAY_S_MIN

    def next_s(self) -> float:
        """How long to wait before the next start, in seconds."""
        delay_s = self._delay_s
        self._delay_s = min(delay_s * 2, DELAY_S_MAX)
        return delay_s
