"""Balancing: two instances under Poisson arrivals, against the ideal single queue.

Each round sends arrivals at 80 % of what the instances can serve, and feeds the same
arrivals to the ideal (queueing.py). Its service time is the mean of what the answers'
header x-ms-run-fn-exec-ms said in that round: sleeping for 5 ms takes a little more. So
the ratio holds what Turnout adds - the way there and back, the time in which an instance
is free and a request is not there yet, and balancing - and nothing else.
"""

import contextlib
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import NamedTuple

import psutil

from loadtests.bench import poisson
from loadtests.bench.contenders.turnout import Daemon, Scoring, Setup, daemon
from loadtests.bench.processes import pin, usage
from loadtests.bench.queueing import poisson_arrivals, quantile, sojourns
from loadtests.bench.tools import ROOT
from loadtests.bench.work import ENDPOINT, LOAD_CORE, ROUTER_CORE

INSTANCES = 2
# A slow run(), whose requests go one by one, and one that is as long as a message's way there.
RUN_MS, SHORT_RUN_MS = 5.0, 0.5
LOAD = 0.8
DEPLOYMENT = "blue"
# It tells the service time, which is longer where everything sleeps in between.
WARM_UP_LOAD, WARM_UP_S = 0.5, 2


class Round(NamedTuple):
    """One round. Times in ms.

    Attributes:
        load: what was really sent, as a share of what the instances can serve.
        late_p99_ms: by how much the generator sent after the schedule; it is in p99_ms.
        failed: requests without an answer of status 200.
        others_share: of the router's core, what anybody but the worker used. A worker that
            must share it falls behind: over a few percent the round says little.
    """

    sent: int
    failed: int
    load: float
    run_ms: float
    p50_ms: float
    p99_ms: float
    ideal_p50_ms: float
    ideal_p99_ms: float
    late_p99_ms: float
    others_share: float

    @property
    def ratio(self) -> float:
        """The p99, in ideals."""
        return self.p99_ms / self.ideal_p99_ms


class Balance(NamedTuple):
    """All rounds; the figures are their medians, ``failed`` their sum."""

    rounds: tuple[Round, ...]

    @property
    def p99_ms(self) -> float:
        """From the scheduled arrival to the answer."""
        return median(one.p99_ms for one in self.rounds)

    @property
    def ideal_p99_ms(self) -> float:
        """The ideal's, with the same arrivals."""
        return median(one.ideal_p99_ms for one in self.rounds)

    @property
    def ratio(self) -> float:
        """Round by round, then the median."""
        return median(one.ratio for one in self.rounds)

    @property
    def late_p99_ms(self) -> float:
        """The generator's own delay."""
        return median(one.late_p99_ms for one in self.rounds)

    @property
    def failed(self) -> int:
        """Any makes the run worthless."""
        return sum(one.failed for one in self.rounds)


def measure(
    folder: Path,
    seconds: float,
    rounds: int,
    *,
    sleep_ms: float = RUN_MS,
    mixed_ages: bool = False,
) -> Balance:
    """Runs a daemon with the instances, and the rounds one after the other.

    Args:
        sleep_ms: what run() does.
        mixed_ages: one instance has served for a while when the other is added.
    """
    with _serving(folder, sleep_ms, mixed_ages=mixed_ages) as made:
        warm_up_rate_per_s = rate_per_s(WARM_UP_LOAD, sleep_ms)
        run_ms = _send(made, warm_up_rate_per_s, WARM_UP_S, seed=0).run_ms
        return Balance(tuple(_round(made, run_ms, seconds, 1 + i) for i in range(rounds)))


def rate_per_s(load: float, run_ms: float) -> float:
    """How many requests a second are this share of what the instances can serve."""
    return load * INSTANCES / run_ms * 1000


@contextlib.contextmanager
def _serving(folder: Path, sleep_ms: float, *, mixed_ages: bool) -> Iterator[Daemon]:
    """The daemon; its worker on the router's core, all else on the other."""
    scoring = Scoring("slow.py", 1 if mixed_ages else INSTANCES, {"SLEEP_MS": str(sleep_ms)})
    setup = Setup({DEPLOYMENT: scoring}, traffic={DEPLOYMENT: 100}, mirror_traffic={})
    with daemon(folder, setup) as made:
        pin(made.worker_pids(), {ROUTER_CORE})
        if mixed_ages:
            _send(made, rate_per_s(WARM_UP_LOAD, sleep_ms), WARM_UP_S, seed=0)
            which = ("online-deployment", "update", "-n", DEPLOYMENT, "-e", ENDPOINT)
            made.call("ml", *which, "--set", f"instance_count={INSTANCES}")
        yield made


def _round(made: Daemon, run_ms: float, seconds: float, seed: int) -> Round:
    rate = rate_per_s(LOAD, run_ms)
    before_s, began_s = _others_cpu_s(made), time.monotonic()
    seen = _send(made, rate, seconds, seed)
    others_s, took_s = _others_cpu_s(made) - before_s, time.monotonic() - began_s
    arrivals_s = poisson_arrivals(rate, seconds, seed)
    ideal_s = sojourns(arrivals_s, seen.run_ms / 1000, INSTANCES)
    return Round(
        sent=seen.sent,
        failed=seen.failed,
        load=len(arrivals_s) * seen.run_ms / 1000 / seconds / INSTANCES,
        run_ms=seen.run_ms,
        p50_ms=seen.p50_ms,
        p99_ms=seen.p99_ms,
        ideal_p50_ms=quantile(ideal_s, 0.5) * 1000,
        ideal_p99_ms=quantile(ideal_s, 0.99) * 1000,
        late_p99_ms=seen.late_p99_ms,
        others_share=others_s / took_s,
    )


def _others_cpu_s(made: Daemon) -> float:
    """What the router's core has done so far for others than the worker."""
    core = psutil.cpu_times(percpu=True)[ROUTER_CORE]
    return float(sum(core) - core.idle - core.iowait) - usage(made.worker_pids()).cpu_s


def _send(made: Daemon, rate_per_s: float, seconds: float, seed: int) -> poisson.Report:
    """Has the generator run as a process of its own, on its core."""
    command = ["taskset", "--cpu-list", str(LOAD_CORE), sys.executable, "-m", poisson.__name__]
    command += [made.url, "--rate", str(rate_per_s), "--seconds", str(seconds), "--seed", str(seed)]
    # The key goes by the environment: command lines can be seen by everybody.
    env = {**os.environ, poisson.KEY_VARIABLE: made.key}
    done = subprocess.run(command, cwd=ROOT, env=env, stdout=subprocess.PIPE, check=True)
    return poisson.Report(**json.loads(done.stdout))
