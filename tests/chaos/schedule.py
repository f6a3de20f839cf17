"""What happens when: drawn from a seed, before anything runs.

Only times, kinds and random bits; whom an action hits is worked out when it is due, of those
that are there then, with the action's own bits. So a seed gives the same schedule, though not
the same run: the machine decides about the rest.
"""

import random
from enum import StrEnum
from typing import NamedTuple


class Kind(StrEnum):
    """What can happen."""

    KILL_INSTANCE = "kill -9 an instance"
    STOP_INSTANCE = "SIGSTOP an instance"
    KILL_WORKER = "kill -9 a worker"
    STOP_WORKER = "SIGSTOP a worker"
    KILL_CONTROL = "kill -9 the control plane"
    STOP_CONTROL = "SIGSTOP the control plane"
    BREAK = "break connections"
    SWAP = "swap traffic"
    REKEY = "replace the key"
    SCALE = "scale"
    UPDATE = "rolling update"
    RELOAD = "reload"


# In seconds: how far two of a kind are apart on average.
INTERVAL_S = {
    Kind.KILL_INSTANCE: 3.0,
    Kind.STOP_INSTANCE: 7.0,
    Kind.KILL_WORKER: 8.0,
    Kind.STOP_WORKER: 11.0,
    Kind.KILL_CONTROL: 10.0,
    Kind.STOP_CONTROL: 17.0,
    Kind.BREAK: 1.5,
    Kind.SWAP: 0.7,
    Kind.REKEY: 5.0,
    Kind.SCALE: 9.0,
    Kind.UPDATE: 14.0,
    # Rare enough for a worker to live long enough to be seen growing.
    Kind.RELOAD: 30.0,
}
OPERATIONS = {Kind.SWAP, Kind.REKEY, Kind.SCALE, Kind.UPDATE, Kind.RELOAD}
# The shortest and the longest that it lasts: a stop, or the time until the next control plane.
# Some stops of an instance outlast the time that a request may take.
LASTS_S = {
    Kind.STOP_INSTANCE: (0.1, 9.0),
    Kind.STOP_WORKER: (0.1, 4.0),
    Kind.KILL_CONTROL: (0.0, 3.0),
    Kind.STOP_CONTROL: (0.1, 4.0),
}


class Action(NamedTuple):
    """One entry.

    Attributes:
        at_s: from the beginning of the load.
        lasts_s: 0 for what is over at once.
        bits: for choices that are made when it is due.
    """

    at_s: float
    kind: Kind
    lasts_s: float
    bits: int


def draw(seed: int, duration_s: float) -> list[Action]:
    """All actions of a run, in their order; each kind comes as a Poisson process of its own."""
    actions = []
    for kind, interval_s in INTERVAL_S.items():
        rng = random.Random(f"{seed} {kind}")
        at_s = rng.expovariate(1 / interval_s)
        while at_s < duration_s:
            lasts_s = rng.uniform(*LASTS_S.get(kind, (0, 0)))
            actions.append(Action(at_s, kind, lasts_s, rng.getrandbits(64)))
            at_s += rng.expovariate(1 / interval_s)
    return sorted(actions)
