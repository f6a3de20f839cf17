"""Whether a router's memory stays flat: sampled once a second under full load."""

import time
from pathlib import Path
from typing import NamedTuple

from loadtests.bench import load, processes
from loadtests.bench.contenders.turnout import turnout

CONNECTIONS = 64
SETTLED_AFTER = 0.2
BYTES_PER_MB = 1e6


class Growth(NamedTuple):
    """Resident memory of the worker, in MB, by the second.

    Attributes:
        percent: how much more the last tenth's mean is than that of the tenth after the
            first fifth (of five minutes: the first minute).
    """

    rss_mb: list[float]
    requests: int
    percent: float


def growth(seconds: float, folder: Path) -> Growth:
    """Loads one worker for so long."""
    with turnout(folder, {}) as router:
        rss_mb: list[float] = []
        with load.under_load(
            router.url, connections=CONNECTIONS, seconds=seconds, folder=folder, key=router.key
        ) as generator:
            while generator.poll() is None:
                rss_mb.append(processes.usage(router.pids).rss_bytes / BYTES_PER_MB)
                time.sleep(1)
            seen = load.result(generator)
    tenth = max(len(rss_mb) // 10, 1)
    settled = int(len(rss_mb) * SETTLED_AFTER)
    early, late = rss_mb[settled : settled + tenth], rss_mb[-tenth:]
    percent = (sum(late) / len(late)) / (sum(early) / len(early)) * 100 - 100
    return Growth(rss_mb, seen.requests, percent)
