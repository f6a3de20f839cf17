"""How many users there are when: ramp up, hold, burst, hold until the rollout is over."""

from locust import LoadTestShape

from loadtests.rollout import ROLLOUTS

# Up to this part of the run time: this part of the peak.
STAGES = ((0.1, 0.25), (0.2, 0.5), (0.6, 0.5), (0.7, 1.0), (1.0, 0.5))
# An operator's commands take longer on a busy machine. The last stage is held for a rollout
# that is not over, until this many run times have passed.
PATIENCE = 3


class RampHoldBurst(LoadTestShape):
    """Follows STAGES over --duration-s with a peak of --peak-users."""

    def tick(self) -> tuple[int, float] | None:
        """Users wanted now and how many to start in a second; None ends the test."""
        assert self.runner is not None
        options = self.runner.environment.parsed_options
        assert options is not None
        part = _part(self.get_run_time() / options.duration_s)  # type: ignore[no-untyped-call]
        if part is None:
            return None
        return max(int(options.peak_users * part), 1), options.peak_users


def _part(done: float) -> float | None:
    """The part of the peak that is wanted when this part of the run time is over."""
    for until, part in STAGES:
        if done < until:
            return part
    if done < PATIENCE and not all(rollout.finished for rollout in ROLLOUTS):
        return STAGES[-1][1]
    return None
