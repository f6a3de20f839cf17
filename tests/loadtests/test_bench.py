"""The benchmark as its user meets it: what is missing, what is started, how bars are judged."""

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from threading import Thread

import psutil
import pytest

from loadtests.bench import bars, load, report, services, sidebyside, tools
from loadtests.bench.behaviours import Pair
from loadtests.bench.contenders.turnout import Setup, daemon
from loadtests.bench.load import Load
from loadtests.bench.processes import StartError
from loadtests.bench.scripts import busy
from loadtests.bench.services.service import Service
from loadtests.bench.sidebyside import Sample, Work
from loadtests.bench.work import BODY

ROOT = Path(__file__).parents[2]
LOCAL = ["Turnout", "nginx", "HAProxy", "ceiling"]
needs_packages = pytest.mark.skipif(
    bool(tools.missing_packages()), reason=f"apt-get install {' '.join(tools.missing_packages())}"
)


def sample(requests_per_core_s: float, p50_ms: float = 1.0, p99_ms: float = 2.0) -> Sample:
    return Sample(1.0, requests_per_core_s, p50_ms, p99_ms, 1.0, 1.0, 0)


def test_missing_programs_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    code = (
        "from loadtests.bench import tools; tools.SEARCHED = ''\n"
        "from loadtests.bench.__main__ import main; main()"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PATH": str(tmp_path)},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert done.returncode == 2, done.stderr
    assert "apt-get install nginx haproxy wrk util-linux" in done.stderr


@pytest.fixture
def short_path() -> Iterator[Path]:
    """Unix sockets have room for 107 bytes, and pytest's folders are deep."""
    with tempfile.TemporaryDirectory(prefix="t-") as name:
        yield Path(name)


@needs_packages
def test_routers_do_the_work_side_by_side_and_leave_no_process_behind(short_path: Path) -> None:
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    works = [Work("small", 4), Work("varied", 4, varied=True)]
    samples, versions = sidebyside.run(short_path, LOCAL, works, rounds=1, seconds=1)
    assert list(samples) == ["small", "varied"]
    for by_router in samples.values():
        assert list(by_router) == LOCAL
        for (one,) in by_router.values():
            assert one.failed == 0
            assert one.requests_per_s > 0
            assert one.cpu_us > 0
    assert "nginx/" in versions["nginx"]
    assert {child.pid for child in psutil.Process().children(recursive=True)} <= before


@needs_packages
def test_swaps_take_turns_by_a_schedule_and_the_refused_are_counted(tmp_path: Path) -> None:
    with daemon(tmp_path / "d", Setup()) as made:
        halves, wrong = (made.with_traffic({"blue": 50, "green": n}) for n in (50, 49))
        with load.under_swaps(
            made.resource_url, (halves, wrong), 20, seconds=1, folder=tmp_path
        ) as process:
            swaps = load.result(process)
        # By their schedule, and one as it begins.
        assert 2 < swaps.requests <= swaps.seconds * 50 + 2
        assert swaps.failed == pytest.approx(swaps.requests / 2, abs=1)
        shown = json.loads(made.call("ml", "online-endpoint", "show", "-n", "bench"))
        assert shown["traffic"] == {"blue": 50, "green": 50}


@needs_packages
def test_a_wrong_key_counts_as_failed_requests(tmp_path: Path) -> None:
    with daemon(tmp_path / "d", Setup()) as made:
        seen = load.run(made.url, connections=1, seconds=1, folder=tmp_path, key="wrong")
    assert seen.failed == seen.requests > 0


def test_a_bar_is_judged_by_the_median_of_ratios_round_by_round() -> None:
    samples = {
        "64 connections": {
            "Turnout": [sample(120), sample(10, p99_ms=9.0), sample(130)],
            "nginx": [sample(100), sample(1, p99_ms=3.0), sample(100)],
        }
    }
    throughput, p99 = bars.of_routers(samples)
    assert (throughput.got, throughput.rounds, throughput.holds) == (1.3, [1.2, 10, 1.3], True)
    assert (p99.got, p99.holds) == (1.0, True)


def test_one_failed_request_breaks_a_bar() -> None:
    fine = Load(requests=100, seconds=1, p50_ms=1, p99_ms=2, failed=0)
    pairs = [Pair(fine, fine), Pair(fine, fine._replace(failed=1)), Pair(fine, fine)]
    throughput, failed = bars.of_behaviours({"20 swaps a second": pairs})
    assert throughput.holds
    assert not failed.holds


def test_services_that_were_not_to_be_had_have_no_bar() -> None:
    seen = {"Turnout": [Load(900, 1, 1, 2, 0)], "MLServer": [Load(100, 1, 1, 2, 0)]}
    (one,) = bars.of_services(seen)
    assert (one.got, one.holds) == (9, True)


def test_results_are_written_with_commit_and_machine(tmp_path: Path) -> None:
    verdict = bars.verdict("name", bars.AT_MOST, 2, [1.0, 3.0, 1.5])
    pair = Pair(Load(1, 1, 1, 1, 0), Load(2, 1, 1, 1, 0))
    report.write(tmp_path / "r" / "bench.json", {"behaviours": {"swaps": [pair]}}, [verdict])
    found = json.loads((tmp_path / "r" / "bench.json").read_text())
    assert found["machine"]["cores"] == psutil.cpu_count()
    assert {"when", "commit"} <= set(found)
    assert found["behaviours"]["swaps"][0]["beside"]["requests"] == 2
    assert found["bars"][0]["holds"] is True


class _Answers(BaseHTTPRequestHandler):
    answer = b""

    def do_POST(self) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(self.answer)))
        self.end_headers()
        self.wfile.write(self.answer)

    def log_message(self, *arguments: object) -> None: ...


@pytest.fixture
def server() -> Iterator[HTTPServer]:
    with ExitStack() as stack:
        made = stack.enter_context(HTTPServer(("127.0.0.1", 0), _Answers))
        thread = Thread(target=made.serve_forever)
        thread.start()
        stack.callback(thread.join)
        stack.callback(made.shutdown)
        yield made


def served_by(server: HTTPServer) -> Service:
    return Service("a service", "1", f"http://127.0.0.1:{server.server_port}/score")


def test_a_service_that_answers_with_the_right_number_is_ready(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    right = json.dumps(busy.run(BODY.decode())).encode()
    monkeypatch.setattr(_Answers, "answer", right)
    services.check(served_by(server))


def test_a_service_that_answers_with_another_number_is_not_measured(
    server: HTTPServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(services, "START_TIMEOUT_S", 1.0)
    monkeypatch.setattr(_Answers, "answer", b"[0.5]")
    with pytest.raises(StartError, match="expected 200 and"):
        services.check(served_by(server))


def test_no_lock_file_names_where_packages_come_from() -> None:
    for lock in tools.LOCKS.glob("*.txt"):
        text = lock.read_text()
        assert "--hash=sha256:" in text
        assert "://" not in text, lock.name
