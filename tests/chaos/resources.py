"""Memory and open files of every process of the daemon, looked at every second.

Processes come and go, so roles are compared: what one of a role holds early and late in the run;
and of each role the process that lived longest, early and late in its life.
Connections of clients are not counted, of which a worker has twice as many while the other is
being replaced; that they are closed is seen when the load is over.
"""

import asyncio
import statistics
import time
from collections import defaultdict
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import NamedTuple

import psutil

from tests.chaos.daemon import Daemon
from tests.chaos.processes import find_all

PERIOD_S = 1.0
# Until then a process has not touched all that it will use.
WARM_S = 8.0
# A shorter life is still warming up.
LIFE_SAMPLES_MIN = 30
MIB = 1024 * 1024
# Growth that is none: of the median over all processes of a role, late against early.
MEMORY_FACTOR, MEMORY_MIB = 1.15, 6.0
FILES_MORE = 12


class Sample(NamedTuple):
    """One look at one process."""

    at_s: float
    memory_mib: float
    files: int


class Flatness(NamedTuple):
    """Medians early and late."""

    of: str
    early: Sample
    late: Sample

    @property
    def is_flat(self) -> bool:
        """Whether it has not grown but for noise."""
        memory_max = self.early.memory_mib * MEMORY_FACTOR + MEMORY_MIB
        return (
            self.late.memory_mib <= memory_max and self.late.files <= self.early.files + FILES_MORE
        )


@dataclass
class Resources:
    """The watch."""

    daemon: Daemon
    _samples: dict[str, list[Sample]] = field(default_factory=lambda: defaultdict(list))
    _lives: dict[tuple[str, int], list[Sample]] = field(default_factory=lambda: defaultdict(list))

    async def watch(self) -> None:
        """Looks, until it is cancelled."""
        while True:
            self._look()
            await asyncio.sleep(PERIOD_S)

    def flatness(self) -> list[Flatness]:
        """Of each role and of its longest life: the first third of the samples, and the last."""
        found = []
        for role, samples in sorted(self._samples.items()):
            lives = [life for (of, _), life in self._lives.items() if of == role]
            longest = max(lives, key=len)
            found.append(_compare(f"all of the role {role}", samples))
            if len(longest) >= LIFE_SAMPLES_MIN:
                found.append(_compare(f"the longest life of one, {len(longest)} s", longest))
        return found

    def _look(self) -> None:
        for role, pid in self._processes():
            try:
                process = psutil.Process(pid)
                with process.oneshot():
                    if datetime.now(UTC).timestamp() - process.create_time() < WARM_S:
                        continue
                    clients = sum(bool(one.raddr) for one in process.connections("tcp"))
                    files = process.num_fds() - clients
                    sample = Sample(time.monotonic(), process.memory_info().rss / MIB, files)
            except psutil.NoSuchProcess:
                continue
            self._samples[role].append(sample)
            self._lives[role, pid].append(sample)

    def _processes(self) -> list[tuple[str, int]]:
        processes = []
        for role, kind in ("worker", "w"), ("instance", "i"):
            for found in find_all(self.daemon.run_folder, kind):
                processes.append((role, found.pid))
                found.close()
        if self.daemon.pid is not None:
            processes.append(("control plane", self.daemon.pid))
        return processes


def _compare(of: str, samples: list[Sample]) -> Flatness:
    third = max(len(samples) // 3, 1)
    return Flatness(of, _median(samples[:third]), _median(samples[-third:]))


def _median(samples: list[Sample]) -> Sample:
    return Sample(
        samples[0].at_s,
        statistics.median(sample.memory_mib for sample in samples),
        round(statistics.median(sample.files for sample in samples)),
    )
