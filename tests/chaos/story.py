"""What was done to whom, and when: the only source of excuses.

Written by those who do it, before they do it; read by the judge. Times are of one monotonic
clock, in seconds.
"""

import math
from collections import Counter
from dataclasses import dataclass, field

from tests.chaos.requests import Over

# A signal, the kernel's clean-up and our noticing of it take their time on a busy machine.
SLACK_S = 1.0


@dataclass
class Fault:
    """A process was killed, or stopped for a while.

    Attributes:
        gone_s: when it was told to die, by the schedule or by the control plane; later than
            ``stopped_s`` if it was one that stood still.
        dead_s: when it had died.
    """

    pid: int
    stopped_s: float = math.inf
    resumed_s: float = math.inf
    gone_s: float = math.inf
    dead_s: float = math.inf

    def stood_still(self, from_s: float, to_s: float) -> bool:
        """Whether it did at some moment of that time."""
        return self.stopped_s <= to_s and from_s <= min(self.resumed_s, self.dead_s) + SLACK_S

    def died(self, from_s: float, to_s: float) -> bool:
        """Whether it did in that time, or a moment before."""
        return self.gone_s <= to_s and from_s <= self.dead_s + SLACK_S


@dataclass
class WorkerFault(Fault):
    """What happened to a worker.

    Attributes:
        ports: of the clients that were connected to it, when it was looked at for the last time.
        looked_s: when that was. A connection that was opened since may be one of its own, too.
    """

    ports: frozenset[int] = frozenset()
    looked_s: float = 0.0

    def may_have(self, over: Over) -> bool:
        """Whether a connection may be one of its own."""
        end_s = min(self.resumed_s, self.dead_s)
        made_since = self.looked_s <= over.connected_s and over.opened_s <= end_s
        return over.port in self.ports or made_since


@dataclass
class InstanceFault(Fault):
    """What happened to an instance."""

    deployment: str = ""


@dataclass
class Story:
    """All faults, and a line for all that happened.

    Attributes:
        queues: one for each kill of a process that may have been the last to hold a listening
            socket; its ports are those of connections that waited to be accepted.
        reloads: from when to when each took.
        done: how often each thing was done, or could not be.
        failures: what went wrong apart from requests, in words.
    """

    workers: list[WorkerFault] = field(default_factory=list)
    queues: list[WorkerFault] = field(default_factory=list)
    reloads: list[list[float]] = field(default_factory=list)
    instances: list[InstanceFault] = field(default_factory=list)
    done: Counter[str] = field(default_factory=Counter)
    lines: list[tuple[float, str]] = field(default_factory=list)
    failures: list[str] = field(default_factory=list)

    def note(self, at_s: float, words: str) -> None:
        """Something happened, for people to read."""
        self.lines.append((at_s, words))

    def fail(self, at_s: float, words: str) -> None:
        """Something is wrong that is not a request's outcome."""
        self.note(at_s, f"FAILED: {words}")
        self.failures.append(words)

    def lost_worker(self, over: Over, from_s: float, to_s: float) -> bool:
        """Whether the connection's worker was killed in that time."""
        return any(f.may_have(over) and f.died(from_s, to_s) for f in self.workers)

    def lost_queue(self, over: Over, from_s: float, to_s: float) -> bool:
        """Whether the connection waited to be accepted when a holder of its queue was killed."""
        return any(f.may_have(over) and f.died(from_s, to_s) for f in self.queues)

    def reloading(self, from_s: float, to_s: float) -> bool:
        """Whether workers were being replaced at some moment of that time."""
        return any(begun_s <= to_s and from_s <= end_s + SLACK_S for begun_s, end_s in self.reloads)

    def stopped_worker(self, over: Over, from_s: float, to_s: float) -> bool:
        """Whether the connection's worker stood still at some moment of that time."""
        return any(f.may_have(over) and f.stood_still(from_s, to_s) for f in self.workers)

    def stopped_instance(self, deployment: str, from_s: float, to_s: float) -> bool:
        """Whether an instance of the deployment stood still at some moment of that time."""
        return any(
            f.deployment == deployment and f.stood_still(from_s, to_s) for f in self.instances
        )

    def killed_worker(self, from_s: float, to_s: float) -> bool:
        """Whether any worker was killed in that time."""
        return any(f.died(from_s, to_s) for f in self.workers)

    def killed_instances(self, deployment: str, from_s: float, to_s: float) -> int:
        """How many instances of the deployment were killed in that time."""
        return sum(f.deployment == deployment and f.died(from_s, to_s) for f in self.instances)
