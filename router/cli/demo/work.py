"""Who worked how long: this process, the daemon's workers, and the cores altogether."""

import os
import time
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

WORKER_MODULE = "router.data_plane"


@dataclass(frozen=True)
class Work:
    """Seconds of work.

    Attributes:
        client_s: of this process, which sends the requests.
        workers_s: of the router's workers.
        cores_s: of all cores that this process may use, for whomever.
    """

    client_s: float = 0
    workers_s: float = 0
    cores_s: float = 0

    def __add__(self, other: "Work") -> "Work":
        return Work(
            self.client_s + other.client_s,
            self.workers_s + other.workers_s,
            self.cores_s + other.cores_s,
        )

    def __sub__(self, other: "Work") -> "Work":
        return self + Work(-other.client_s, -other.workers_s, -other.cores_s)


def find_workers() -> list[psutil.Process]:
    """The workers of the daemons that this process has started."""
    children = psutil.Process().children(recursive=True)
    return [one for one in children if WORKER_MODULE in one.cmdline()]


def worked(workers: Iterable[psutil.Process]) -> Work:
    """So far, each since its start."""
    times = [one.cpu_times() for one in workers]
    return Work(
        client_s=time.process_time(),
        workers_s=sum(one.user + one.system for one in times),
        cores_s=_cores_s(),
    )


def _cores_s() -> float:
    times = psutil.cpu_times(percpu=True)
    return sum(
        one.user + one.nice + one.system + one.irq + one.softirq + one.steal
        for one in (times[core] for core in os.sched_getaffinity(0))
    )
