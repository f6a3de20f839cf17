"""A whole rollout while the users load the endpoint, by the commands an operator would type.

After each change the share of live requests is measured until the next one. The load does
not pause for it, so a share is exact but for what was under way at either end: at most one
request a user and, inside a block of 100, one for the schedule.
"""

import shlex
import subprocess
from typing import NamedTuple

import gevent
from locust.env import Environment

from loadtests.users import SERVED

# The run ends with everything back at blue, so that it can be repeated.
CHANGES = (
    ("--mirror-traffic green=10", {"blue": 100}),
    ("--mirror-traffic green=0", {"blue": 100}),
    ('--traffic "blue=90 green=10"', {"blue": 90, "green": 10}),
    ('--traffic "blue=50 green=50"', {"blue": 50, "green": 50}),
    ('--traffic "blue=0 green=100"', {"green": 100}),
    ('--traffic "blue=100"', {"blue": 100}),
)
SCHEDULE_SLACK = 2
# Those of this process, which the shape waits for and the end judges.
ROLLOUTS: "list[Rollout]" = []


class Share(NamedTuple):
    """What live users saw between two changes."""

    change: str
    expected: dict[str, int]
    served: dict[str, int]


class Rollout:
    """Carries out CHANGES, each measured for the same time, and keeps what came of them."""

    def __init__(self, environment: Environment) -> None:
        self.shares: list[Share] = []
        self.errors: list[str] = []
        assert environment.parsed_options is not None
        self._options = environment.parsed_options

    def run(self) -> None:
        """To be spawned when the test starts."""
        pause_s = self._options.duration_s / (len(CHANGES) + 1)
        gevent.sleep(pause_s / 2)
        for change, expected in CHANGES:
            self._update(change)
            # Requests that were routed before the change may still be on their way back.
            gevent.sleep(pause_s / 10)
            before = SERVED.copy()
            gevent.sleep(pause_s * 8 / 10)
            served = {name: n for name, n in (SERVED - before).items() if n}
            self.shares.append(Share(change, expected, served))

    @property
    def finished(self) -> bool:
        """Whether every change was made and measured."""
        return len(self.shares) == len(CHANGES)

    def problems(self) -> list[str]:
        """Everything that was not as the rules say."""
        found = list(self.errors)
        if not self.finished:
            found.append(f"expected {len(CHANGES)} changes, got {len(self.shares)} in this time")
        allowed = self._options.peak_users + SCHEDULE_SLACK
        for change, expected, served in self.shares:
            total = sum(served.values())
            if not total:
                found.append(f"expected live requests after {change}, got none")
            for name in {*expected, *served}:
                wanted = total * expected.get(name, 0) / 100
                if abs(served.get(name, 0) - wanted) > allowed:
                    found.append(
                        f"after {change}: expected {wanted:.0f} +- {allowed} of {total} at "
                        f"{name}, got {served.get(name, 0)}"
                    )
        return found

    def _update(self, change: str) -> None:
        command = f"turnout ml online-endpoint update --name {self._options.endpoint} {change}"
        # locust has made subprocess cooperative: the users go on meanwhile.
        done = subprocess.run(shlex.split(command), capture_output=True, text=True, check=False)
        if done.returncode != 0:
            self.errors.append(f"{command}: {done.stderr.strip()}")
