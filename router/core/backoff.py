"""How long to wait before an instance that ended is started again, and when that is a crash loop.

What backing off protects is the processor, from a script that ends as soon as it starts. An
instance that served for longer than it was waited for was worth its start, so the next one
comes quickly, however often that happens; three short lives in a row are a loop all the same.
"""

DELAY_S_MIN, DELAY_S_MAX = 0.25, 30.0
# A start costs about a second of processor time: a shorter life was not worth it.
WORTHY_LIFE_S_MIN = 1.0
# An instance that lived so long was not broken from the start.
HEALTHY_LIFE_S = 10.0
LOOP_ENDS_MIN = 3


class Backoff:
    """The restarts of one place in a deployment: each delay is twice as long as the one before."""

    def __init__(self) -> None:
        self._delay_s = 0.0
        self._short_lives = 0

    def on_end(self, lived_s: float) -> None:
        """An instance has ended that was warm for so long; 0 if it never was."""
        if lived_s >= max(self._delay_s, WORTHY_LIFE_S_MIN):
            self._delay_s = DELAY_S_MIN
        else:
            self._delay_s = min(max(self._delay_s * 2, DELAY_S_MIN), DELAY_S_MAX)
        self._short_lives = self._short_lives + 1 if lived_s < HEALTHY_LIFE_S else 0

    def delay_s(self, draw: float) -> float:
        """How long to wait before the next start, in seconds.

        Args:
            draw: a random number from 0 to 1. Up to half of the delay is left to it, so that
                instances that ended together don't all start, and end, together again.
        """
        return self._delay_s * (1 + draw) / 2

    def is_loop(self, living_s: float) -> bool:
        """Whether instances end again and again as soon as they are there.

        Args:
            living_s: for how long the present one has been warm; 0 if there is none.
        """
        return self._short_lives >= LOOP_ENDS_MIN and living_s < HEALTHY_LIFE_S
