"""How many users there are when: ramp up, hold, burst, hold."""

from locust import LoadTestShape

# Up to this part of the run time: this part of the peak.
STAGES = ((0.1, 0.25), (0.2, 0.5), (0.6, 0.5), (0.7, 1.0), (1.0, 0.5))


class RampHoldBurst(LoadTestShape):
    """Follows STAGES over --duration-s with a peak of --peak-users."""

    def tick(self) -> tuple[int, float] | None:
        """Users wanted now and how many to start in a second; None ends the test."""
        assert self.runner is not None
        options = self.runner.environment.parsed_options
        assert options is not None
        done = self.get_run_time() / options.duration_s  # type: ignore[no-untyped-call]
        for until, part in STAGES:
            if done < until:
                return max(int(options.peak_users * part), 1), options.peak_users
        return None
