"""Balancing measured for two seconds: that it measures, not what comes out."""

import os
from pathlib import Path

import pytest

from loadtests.bench.balance import LOAD, RUN_MS, WARM_UP_LOAD, measure, rate_per_s
from loadtests.bench.queueing import poisson_arrivals
from loadtests.bench.work import LOAD_CORE, ROUTER_CORE

SECONDS = 2
TWO_CORES = {ROUTER_CORE, LOAD_CORE} <= os.sched_getaffinity(0)


@pytest.mark.skipif(not TWO_CORES, reason="the router gets a core of its own")
def test_all_poisson_arrivals_are_answered_and_the_ideal_gets_the_same(tmp_path: Path) -> None:
    measured = measure(tmp_path, SECONDS, rounds=1, mixed_ages=True)
    (one,) = measured.rounds
    assert measured.failed == 0
    # A sleep takes its time at least, so no more than this can be sent.
    sent_max = len(poisson_arrivals(rate_per_s(LOAD, RUN_MS), SECONDS, seed=1))
    assert rate_per_s(WARM_UP_LOAD, RUN_MS) < one.sent <= sent_max
    assert RUN_MS <= one.run_ms <= one.ideal_p50_ms + 0.001 <= one.ideal_p99_ms
    assert RUN_MS <= one.p50_ms <= one.p99_ms
    assert measured.ratio == pytest.approx(one.p99_ms / one.ideal_p99_ms)
