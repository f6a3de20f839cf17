"""What workers share of quotas: a file, whoever of them dies."""

import multiprocessing
import os
import signal
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from router.core.budgets import BANDWIDTH, REQUESTS, LocalBudgets
from router.core.listener_limits import ListenerLimits
from router.core.token_bucket import TokenBucket
from router.data_plane.budgets import SLOT_BYTES, SLOTS, SharedBudgets
from router.data_plane.worker import WorkerSettings, _budgets

NOW_NS = 10**18
NS_PER_S = 10**9
PLACES = 10_000
BLOCK_BYTES = 512


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system with room for a part of the file."""
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "turnout-test", str(tmp_path)]
    if subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("only who may mount has a file system to fill")
    yield tmp_path
    subprocess.run(["umount", "--lazy", str(tmp_path)], check=True)


def of_two(tmp_path: Path) -> tuple[SharedBudgets, SharedBudgets]:
    return (
        SharedBudgets(tmp_path / "budgets", 0, 2),
        SharedBudgets(tmp_path / "budgets", 1, 2),
    )


def test_workers_draw_from_one_bucket(tmp_path: Path) -> None:
    one, other = (
        budgets.bucket("my-endpoint", BANDWIDTH, 1000, 1000) for budgets in of_two(tmp_path)
    )
    assert one.draw(600, NOW_NS) == 0
    assert other.take(401, NOW_NS) == NS_PER_S // 1000
    assert other.draw(500, NOW_NS) == NS_PER_S // 10
    assert one.draw(100, NOW_NS) == NS_PER_S // 5, "behind the other's"
    other.give_back(200, NOW_NS)
    assert one.take(1000, NOW_NS + NS_PER_S) == 0


def test_buckets_of_other_endpoints_and_kinds_are_not_touched(tmp_path: Path) -> None:
    one, other = of_two(tmp_path)
    assert one.bucket("my-endpoint", BANDWIDTH, 1000, 1000).draw(1000, NOW_NS) == 0
    for untouched in (
        other.bucket("my-endpoint-2", BANDWIDTH, 1000, 1000),
        other.bucket("my-endpoint", REQUESTS, 1000, 1000),
    ):
        assert untouched.take(1000, NOW_NS) == 0


def test_a_lower_limit_holds_at_once(tmp_path: Path) -> None:
    one, _ = of_two(tmp_path)
    assert one.bucket("my-endpoint", BANDWIDTH, 1000, 1000).draw(1, NOW_NS) == 0
    lowered = one.bucket("my-endpoint", BANDWIDTH, 10, 10)
    assert lowered.take(11, NOW_NS + 1) > 0
    assert lowered.take(10, NOW_NS + 1) == 0


def test_connections_are_counted_over_all_workers(tmp_path: Path) -> None:
    one, other = (budgets.count("my-endpoint") for budgets in of_two(tmp_path))
    assert one.add(2)
    assert other.add(2)
    assert not one.add(2)
    assert not other.add(2)
    other.remove()
    assert one.add(2)


def test_a_workers_successor_begins_without_its_connections(tmp_path: Path) -> None:
    dead, other = of_two(tmp_path)
    for _ in range(2):
        assert dead.count("my-endpoint").add(3)
    assert other.count("my-endpoint").add(3)
    dead.close()
    successor = SharedBudgets(tmp_path / "budgets", 0, 2).count("my-endpoint")
    assert successor.add(3)
    assert successor.add(3)
    assert not successor.add(3), "the living worker's still counts"


def take_and_hold(path: Path, taken: "multiprocessing.synchronize.Event") -> None:
    places = SharedBudgets(path, 0, 3).count("my-endpoint", "blue")
    for _ in range(3):
        assert places.add(4)
    taken.set()
    signal.pause()


def test_places_of_a_killed_worker_are_free_before_it_has_a_successor(tmp_path: Path) -> None:
    path = tmp_path / "budgets"
    spawn = multiprocessing.get_context("spawn")
    taken = spawn.Event()
    process = spawn.Process(target=take_and_hold, args=(path, taken))
    process.start()
    try:
        assert taken.wait(60)
        one, other = (SharedBudgets(path, n, 3).count("my-endpoint", "blue") for n in (1, 2))
        assert one.add(4)
        assert not other.add(4), "it lives"
        # A worker that stands still has its places.
        assert process.pid is not None
        os.kill(process.pid, signal.SIGSTOP)
        assert not other.add(4), "it may go on"
    finally:
        process.kill()
        process.join(60)
    assert [other.add(4) for _ in range(4)] == [True, True, True, False]


def test_a_second_worker_of_one_number_is_refused_while_the_first_lives(tmp_path: Path) -> None:
    first, _ = of_two(tmp_path)
    places = first.count("my-endpoint", "blue")
    assert places.add(1)
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(BlockingIOError):
        SharedBudgets(tmp_path / "budgets", 0, 2)
    assert set(Path("/proc/self/fd").iterdir()) == before
    assert places.now == 1


def draw_and_report(path: Path, worker: int, draws: int) -> None:
    bucket = SharedBudgets(path, worker, 4).bucket("my-endpoint", BANDWIDTH, 1000, 10**6)
    for _ in range(draws):
        bucket.draw(1, NOW_NS)


def test_draws_of_many_processes_at_once_are_all_counted(tmp_path: Path) -> None:
    path, draws = tmp_path / "budgets", 2000
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=draw_and_report, args=(path, n, draws)) for n in range(3)]
    for process in processes:
        process.start()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0
    bucket = SharedBudgets(path, 3, 4).bucket("my-endpoint", BANDWIDTH, 1000, 10**6)
    assert bucket.take(10**6 - 3 * draws + 1, NOW_NS) > 0
    assert bucket.take(10**6 - 3 * draws, NOW_NS) == 0


def take_and_report(
    path: Path,
    worker: int,
    results: "multiprocessing.queues.Queue[int]",
    looked: "multiprocessing.synchronize.Event",
) -> None:
    places = SharedBudgets(path, worker, 3).count("my-endpoint", "blue")
    results.put(sum(places.add(PLACES) for _ in range(2 * PLACES)))
    # What it has would end with it.
    assert looked.wait(60)


def test_of_many_processes_at_once_no_more_get_a_place_than_there_are(tmp_path: Path) -> None:
    path = tmp_path / "budgets"
    spawn = multiprocessing.get_context("spawn")
    results, looked = spawn.Queue(), spawn.Event()
    processes = [
        spawn.Process(target=take_and_report, args=(path, n, results, looked)) for n in range(2)
    ]
    # What is counted must not be forgotten before it is read.
    places = SharedBudgets(path, 2, 3).count("my-endpoint", "blue")
    assert places.add(PLACES)
    for process in processes:
        process.start()
    taken = sum(results.get(timeout=60) for _ in processes)
    assert places.now == taken + 1 == PLACES
    looked.set()
    for process in processes:
        process.join(60)
        assert process.exitcode == 0


def test_names_beyond_the_last_slot_have_limits_of_their_own(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("router.data_plane.budgets.SLOTS", 2)
    one, other = of_two(tmp_path)
    for name in ("blue", "green"):
        assert one.count("my-endpoint", name).add(1)
        assert not other.count("my-endpoint", name).add(1)
    assert one.count("my-endpoint", "red").add(1)
    assert other.count("my-endpoint", "red").add(1)
    assert "expected at most 2 names of endpoints and deployments" in caplog.text


def hold_for_ever(path: Path, held: "multiprocessing.synchronize.Event") -> None:
    with SharedBudgets(path, 0, 2).locked(0, 4096):
        held.set()
        signal.pause()


def test_a_worker_that_dies_while_it_draws_holds_up_nobody(tmp_path: Path) -> None:
    path = tmp_path / "budgets"
    spawn = multiprocessing.get_context("spawn")
    held = spawn.Event()
    process = spawn.Process(target=hold_for_ever, args=(path, held))
    process.start()
    assert held.wait(60)
    assert process.pid is not None
    os.kill(process.pid, signal.SIGKILL)
    process.join(60)
    bucket = SharedBudgets(path, 1, 2).bucket("my-endpoint", BANDWIDTH, 1000, 1000)
    assert bucket.draw(1000, NOW_NS) == 0


def test_only_the_daemons_user_may_read_it(tmp_path: Path) -> None:
    of_two(tmp_path)
    assert (tmp_path / "budgets").stat().st_mode & 0o777 == 0o600


def test_a_full_bucket_in_the_file_is_a_full_bucket(tmp_path: Path) -> None:
    shared = of_two(tmp_path)[0].bucket("my-endpoint", BANDWIDTH, 5, 7)
    alone = TokenBucket(5, 7)
    for count in (7, 1, 3):
        assert shared.draw(count, NOW_NS) == alone.draw(count, NOW_NS)


def test_the_whole_file_has_its_room_from_the_start(tmp_path: Path) -> None:
    of_two(tmp_path)
    found = (tmp_path / "budgets").stat()
    assert found.st_blocks * BLOCK_BYTES >= found.st_size == SLOTS * SLOT_BYTES


def test_a_file_without_room_is_no_budget_and_no_open_file(small_disk: Path) -> None:
    before = set(Path("/proc/self/fd").iterdir())
    with pytest.raises(OSError, match="No space left"):
        SharedBudgets(small_disk / "budgets", 0, 2)
    assert set(Path("/proc/self/fd").iterdir()) == before


def test_a_worker_without_room_for_the_file_has_its_limits_by_itself(
    small_disk: Path, caplog: pytest.LogCaptureFixture
) -> None:
    settings = WorkerSettings(
        socket=small_disk / "w", listener=0, limits=ListenerLimits(),
        budgets=small_disk / "budgets", worker=0, workers=2,
    )  # fmt: skip
    assert isinstance(_budgets(settings), LocalBudgets)
    assert "No space left" in caplog.text
