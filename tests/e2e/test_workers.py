"""Workers replaced, killed and stopped under load: what clients see of it.

New connections are opened all the time, beside clients that keep theirs. TURNOUT_RELOADS and
TURNOUT_WORKER_KILLS say how often (2 each).
"""

import os
import signal
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.e2e.harness import Daemon
from tests.e2e.raw_load import RawLoad, declare, uri_and_key
from tests.records import recorded_pids

RELOADS = int(os.environ.get("TURNOUT_RELOADS", "2"))
KILLS = int(os.environ.get("TURNOUT_WORKER_KILLS", "2"))


def workers(daemon: Daemon) -> set[int]:
    return set(recorded_pids(daemon.folder / ".turnout", "w").values())


def errors_of_workers(daemon: Daemon) -> list[str]:
    logs = list((daemon.folder / ".turnout" / "logs").glob("worker-*.log"))
    assert logs
    return [line for log in logs for line in log.read_text().splitlines() if " ERROR " in line]


@pytest.mark.timeout(120 + 30 * RELOADS)
async def test_a_reload_replaces_every_worker_and_fails_no_request_and_no_connection(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    load = RawLoad(*await uri_and_key(daemon))
    async with load.running():
        for _ in range(RELOADS):
            await load.some_more(100)
            before = workers(daemon)
            await daemon.run("reload")
            assert len(workers(daemon)) == 2
            assert not workers(daemon) & before
        await load.some_more(100)
    print(f"\n{RELOADS} reloads: {load.answered} answered on {load.opened} connections")  # noqa: T201
    assert load.failed == []
    assert errors_of_workers(daemon) == []


@pytest.mark.timeout(120 + 20 * KILLS)
async def test_a_killed_worker_fails_only_what_was_on_its_own_connections(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    load = RawLoad(*await uri_and_key(daemon))
    async with load.running():
        for _ in range(KILLS):
            await load.some_more(100)
            before = workers(daemon)
            victim = min(before)
            # What comes from now on waits in its queue, and is its successor's.
            os.kill(victim, signal.SIGSTOP)
            load.excuse_connections_of(victim)
            os.kill(victim, signal.SIGKILL)
            while not workers(daemon) - before:
                await load.some_more(1)
        await load.some_more(100)
    print(  # noqa: T201
        f"\n{KILLS} kills: {load.answered} answered, {load.excused} cut with their worker, the "
        f"slowest new connection was answered after {load.slowest_s:.2f} s"
    )
    assert load.failed == []
    assert errors_of_workers(daemon) == []


async def test_sigterm_answers_all_that_was_taken_and_exits_0(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    load = RawLoad(*await uri_and_key(daemon))
    async with load.running():
        await load.some_more(500)
        daemon.process.terminate()
        assert await daemon.exit_code() == 0
        load.stop()
    refused = [failure for failure in load.failed if failure.startswith("ConnectionRefused")]
    assert load.failed == refused, "who had been let in was answered"
