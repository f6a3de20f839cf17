"""What the demo records for the simulator: simulated, the recorded times come out again."""

import subprocess
import sys
import time
from pathlib import Path

import pytest

from router.cli.demo.recording import Recording, write_scenario
from router.cli.demo.work import WORKER_MODULE, Work, find_workers, worked
from router.testing.answers import Answers, Reply
from sim.files import read_scenario
from sim.summary import summarize
from sim.world import World

SPEC = {
    "instance_count": 2,
    "request_settings": {
        "max_concurrent_requests_per_instance": 64,
        "max_queue_wait_ms": 500,
        "request_timeout_ms": 5000,
    },
}
TRAFFIC = {"blue": 90, "green": 10}
REQUESTS = 1000
# Seconds for a thousand requests: milliseconds for each.
WORK = Work(client_s=0.2, workers_s=0.1, cores_s=1.0)
# Long enough to be seen by a clock of 10 ms.
SEEN_S = 0.1
LIMIT_S = 30
RUN_MS, OVERHEAD_MS = {"blue": 0.5, "green": 0.7}, 1.5


def answered(deployment: str, latency_ms: float, run_ms: float) -> Reply:
    return Reply(status=200, deployment=deployment, latency_ms=latency_ms, run_ms=run_ms)


def answers(added_ms: float = 0) -> Answers:
    """A thousand requests, a tenth of them at green."""
    return Answers(
        [
            answered(name, RUN_MS[name] + OVERHEAD_MS + added_ms, RUN_MS[name])
            for name in (["blue"] * 9 + ["green"]) * (REQUESTS // 10)
        ]
    )


def test_a_recorded_load_is_simulated_with_its_times_and_compared_with_its_latencies(
    tmp_path: Path,
) -> None:
    # As long as at rest, for two clients' worth of cores: nothing waits for long.
    recording = Recording(answers(), answers(added_ms=10), WORK)
    path = write_scenario(
        tmp_path / "new", recording, "my-endpoint", TRAFFIC, dict.fromkeys(TRAFFIC, SPEC), 200
    )
    scenario, folder = read_scenario(path)
    assert (scenario.client_work_ms, scenario.router_work_ms) == (0.2, 0.1)
    assert scenario.overhead_work_ms == pytest.approx(1.0 - 0.52 - 0.2 - 0.1)
    assert scenario.clients[0].requests == REQUESTS
    world = World(scenario, folder)
    world.run()
    summary = summarize(scenario, world.record, world.measured_ns)
    assert summary.whole.requests == REQUESTS
    assert [(one.name, one.live) for one in summary.whole.deployments] == [
        ("blue", 900), ("green", 100),
    ]  # fmt: skip
    for one in summary.compared:
        alone_ms = RUN_MS[one.name] + OVERHEAD_MS
        assert one.measured_ms == pytest.approx(alone_ms + 10)
        assert one.simulated_ms is not None
        assert one.simulated_ms >= alone_ms
    # What was made 10 ms slower than the model allows for is told.
    assert not summary.held
    assert sum("as measured" in one.words for one in summary.whole.expected) == 6


def test_what_requests_took_outside_run_and_messages_is_written_down(tmp_path: Path) -> None:
    light = Answers([answered("blue", 3.26, 1.0), answered("green", 1.0, 1.5)])
    recording = Recording(light, answers(), WORK)
    write_scenario(tmp_path, recording, "my-endpoint", TRAFFIC, dict.fromkeys(TRAFFIC, SPEC), 200)
    assert (tmp_path / "overhead-ms.txt").read_text() == "2.000\n0.000\n"


def test_work_is_counted_for_whom_it_was_done_by() -> None:
    # Its name is all that tells a worker.
    busy = [sys.executable, "-c", "while True: pass", WORKER_MODULE]
    with subprocess.Popen(busy) as worker:
        try:
            # Other tests' daemons may be this process's children, too.
            (found,) = (one for one in find_workers() if one.pid == worker.pid)
            before, begun_s = worked([found]), time.monotonic()
            done = Work()
            while min(done.client_s, done.workers_s, done.cores_s) < SEEN_S:
                assert time.monotonic() < begun_s + LIMIT_S, done
                done = worked([found]) - before
        finally:
            worker.kill()
    assert worked([]).workers_s == 0
