"""`make calibrate` as it is run: a real demo is recorded, and its load simulated beside it.

How near the two are depends on what else the machine does, and is no matter of a test.
"""

import json
import subprocess
import sys
from pathlib import Path

TURNOUT = Path(sys.executable).parent / "turnout"
LIMIT_S = 240


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [TURNOUT, *arguments], capture_output=True, text=True, check=False, timeout=LIMIT_S
    )


def test_a_recorded_demo_is_simulated_with_its_latencies_beside_those_of_its_clients(
    tmp_path: Path,
) -> None:
    folder = tmp_path / "recorded"
    demo = run("demo", "--record", str(folder))
    assert demo.returncode == 0, demo.stdout + demo.stderr
    simulated = run("simulate", str(folder / "scenario.yml"), "--json")
    assert simulated.stderr == ""
    report = json.loads(simulated.stdout)
    rows = report["compared"]
    assert [(one["name"], one["percentile"]) for one in rows] == [
        (name, percentile) for name in ("blue", "green") for percentile in ("p50", "p95", "p99")
    ]
    for one in rows:
        assert one["measured_ms"] > 0
        assert one["simulated_ms"] > 0
        off_percent = 100 * (one["simulated_ms"] / one["measured_ms"] - 1)
        assert abs(one["off_percent"] - off_percent) <= 0.1
    # The demo's load: 40 times 250 requests, exactly 90/10.
    served = {one["name"]: one["live"] for one in report["whole"]["deployments"]}
    assert served == {"blue": 9000, "green": 1000}
    judged = report["whole"]["expected"]
    assert [one["words"] for one in judged if "as measured" not in one["words"]] != []
    assert all(one["held"] for one in judged if "as measured" not in one["words"])
    assert simulated.returncode == (0 if all(one["held"] for one in judged) else 1)
