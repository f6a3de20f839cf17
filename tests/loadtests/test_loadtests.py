"""The load test as a user runs it: real locust, a real daemon, a rollout meanwhile."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def loadtests(*arguments: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "loadtests", *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=110,
        check=False,
    )


def test_a_rollout_under_locusts_load_fails_no_request_and_keeps_its_shares(
    tmp_path: Path,
) -> None:
    report = tmp_path / "report.html"
    # No bar on latency: machines are shared.
    done = loadtests(
        "--duration-s", "20", "--peak-users", "20", "--p99-ms", "60000", "--html", str(report)
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert '--traffic "blue=90 green=10": {' in done.stdout
    assert "FAILED" not in done.stdout
    for kind in ("live", "direct", "large", "slow"):
        assert f'"name": "{kind}"' in report.read_text(), kind


def test_failed_requests_and_missing_changes_fail_the_load_test() -> None:
    done = loadtests("--duration-s", "2", "--peak-users", "2", "--key", "wrong")
    assert done.returncode == 1
    assert "requests failed" in done.stdout
    assert "expected live requests after" in done.stdout
