"""What the simulator needs to replay the demo's load: recorded from real requests.

Two loads take turns, so that what else the machine does meets both alike. A *light* one, a single
client that asks the next thing after each answer, tells how long ``run()`` takes (by the answer's
header) and what a request takes besides. The *demo's own* load is what is to be predicted. Of it
the scenario takes how long the cores worked for each request, and no latency but those which the
prediction is compared with.
"""

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from router.cli.demo.work import Work, find_workers, worked
from router.testing.answers import Answers
from router.testing.closed_loop import CLIENTS, THINK_S, ClosedLoop
from router.testing.failure import HarnessError

# As many of either: the n-th request of the one is simulated with the times of the other's.
ROUNDS, REQUESTS = 40, 250
# What the prediction may be off by.
OFF_PERCENT = 20
# What a gRPC message to an instance takes, or back (loadtests/PROFILE.md).
MESSAGE_MS = 0.13
PERCENTILES = ("p50", "p95", "p99")
COMMENT = """\
# Recorded by `turnout demo --record`: the same load as the demo's, to be simulated with
# `turnout simulate`. Times of run() and the overhead are those of a single client, one request at a
# time. From the load itself are the work of the cores and the latencies to compare with.
"""


@dataclass
class Recording:
    """What was seen.

    Attributes:
        light: one request at a time.
        loaded: as the demo loads the endpoint.
        work: what was worked for the demo's load.
    """

    light: Answers = field(default_factory=Answers)
    loaded: Answers = field(default_factory=Answers)
    work: Work = field(default_factory=Work)

    def work_ms(self) -> dict[str, float]:
        """Whose work each request of the demo's load was, outside ``run()``: keys of a scenario.

        Under load, where it is less: requests share messages, and processes wake less often. What
        others had done on the machine is in it, for it was in the way as much.
        """
        light, count = self.light.replies, self.loaded.sent
        run_ms = sum(reply.run_ms for reply in light) / len(light)
        client_ms, workers_ms = (
            seconds * 1000 / count for seconds in (self.work.client_s, self.work.workers_s)
        )
        others_ms = self.work.cores_s * 1000 / count - client_ms - workers_ms - run_ms
        return {
            "client_work_ms": round(client_ms, 4),
            "router_work_ms": round(workers_ms, 4),
            "overhead_work_ms": round(max(others_ms, 0), 4),
        }


async def record(load: ClosedLoop) -> Recording:
    """Records both loads in turns; for use while the load in the background is held.

    Raises:
        HarnessError: a request failed.
    """
    recording, workers = Recording(), find_workers()
    for _ in range(ROUNDS):
        await load.send_exactly(REQUESTS, clients=1, answers=recording.light)
        before = worked(workers)
        await load.send_exactly(REQUESTS, think_s=THINK_S, answers=recording.loaded)
        recording.work += worked(workers) - before
    failed = [*recording.light.failed, *recording.loaded.failed]
    if failed:
        raise HarnessError(f"a request failed while it was recorded: {failed[0]}")
    return recording


def write_scenario(
    folder: Path,
    recording: Recording,
    endpoint: str,
    traffic: Mapping[str, int],
    deployments: Mapping[str, Mapping[str, Any]],
    body_bytes: int,
) -> Path:
    """Writes the scenario and its files of times into ``folder``; returns its path.

    Args:
        deployments: as ``turnout online-deployment show`` says, by name.
    """
    folder.mkdir(parents=True, exist_ok=True)
    light, loaded = recording.light.replies, recording.loaded.replies
    overheads_ms = [max(reply.latency_ms - reply.run_ms - 2 * MESSAGE_MS, 0.0) for reply in light]
    _write_times(folder / "overhead-ms.txt", overheads_ms)
    for name in deployments:
        _write_times(
            folder / f"{name}-run-ms.txt", [one.run_ms for one in light if one.deployment == name]
        )
        _write_times(
            folder / f"{name}-latency-ms.txt",
            [one.latency_ms for one in loaded if one.deployment == name],
        )
    path = folder / "scenario.yml"
    scenario = {
        "name": "recorded-demo",
        # More than enough: the number of requests ends it.
        "for_s": recording.loaded.sent,
        "message_us": MESSAGE_MS * 1000,
        "cores": len(os.sched_getaffinity(0)),
        "overhead": {"measured": "overhead-ms.txt", "in_order": True},
        **recording.work_ms(),
        "endpoints": [
            {
                "name": endpoint,
                "traffic": dict(traffic),
                "deployments": [_described(name, spec) for name, spec in deployments.items()],
            }
        ],
        "clients": [
            {
                "name": "the demo's clients",
                "loop": {"clients": CLIENTS, "think_ms": THINK_S * 1000},
                "requests": recording.loaded.sent,
                "body_bytes": body_bytes,
            }
        ],
        "expect": [
            "errors 0",
            *(
                f"{percentile} of {name} as measured ± {OFF_PERCENT} %"
                for name in deployments
                for percentile in PERCENTILES
            ),
        ],
    }
    path.write_text(COMMENT + yaml.safe_dump(scenario, sort_keys=False, allow_unicode=True))
    return path


def _described(name: str, spec: Mapping[str, Any]) -> dict[str, object]:
    settings = spec["request_settings"]
    return {
        "name": name,
        "instance_count": spec["instance_count"],
        "request_settings": {
            key: settings[key]
            for key in ("max_concurrent_requests_per_instance", "request_timeout_ms")
        },
        "latency": {"measured": f"{name}-run-ms.txt", "in_order": True},
        "measured_latencies": f"{name}-latency-ms.txt",
    }


def _write_times(path: Path, times_ms: list[float]) -> None:
    path.write_text("".join(f"{time_ms:.3f}\n" for time_ms in times_ms))
