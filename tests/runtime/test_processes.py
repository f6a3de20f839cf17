"""WORKER_COUNT processes: one init each, and one fate with their instance."""

import asyncio
import json
import os
import signal
from pathlib import Path

import grpc
import psutil
import pytest

from tests.runtime.conftest import WORKER_COUNTS, Start
from tests.runtime.instance import WAIT_S, stream

PIDS = """
import os, time
def init(): print("init of", os.getpid())
def run(raw):
    if raw == "exit": os._exit(9)
    time.sleep(0.02)
    return os.getpid()
"""


async def test_requests_are_spread_over_the_processes_and_each_has_one_init(start: Start) -> None:
    instance = start(PIDS, WORKER_COUNT="3")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""] * 30)
        pids = {json.loads(answer.payload) for answer in await one.answers(30)}
    assert pids == {child.pid for child in psutil.Process(instance.process.pid).children()}
    assert len(pids) == 3
    log = instance.log.read_text()
    assert all(log.count(f"init of {pid}") == 1 for pid in pids)


@pytest.mark.parametrize("how", ["exits by itself", "is killed"])
async def test_an_instance_ends_when_one_of_its_processes_does(start: Start, how: str) -> None:
    instance = start(PIDS, WORKER_COUNT="2")
    await instance.wait_until_serving()
    if how == "is killed":
        victim = psutil.Process(instance.process.pid).children()[0].pid
        os.kill(victim, signal.SIGKILL)
    else:
        async with stream(instance) as one:
            await one.send([b"exit"])
            with pytest.raises(grpc.aio.AioRpcError):
                await one.answers(1)
    assert await instance.exit_status() == 3
    assert "of WORKER_COUNT ended; its last line says why" in instance.log.read_text()


async def test_no_process_outlives_its_instance(start: Start) -> None:
    instance = start(PIDS, WORKER_COUNT="2")
    await instance.wait_until_serving()
    children = psutil.Process(instance.process.pid).children()
    instance.process.kill()
    async with asyncio.timeout(WAIT_S):
        await asyncio.to_thread(psutil.wait_procs, children, WAIT_S)
    assert not any(child.is_running() for child in children)


async def test_no_process_that_is_stuck_in_native_code_outlives_its_instance(
    start: Start, folder: Path
) -> None:
    instance = start(
        """
import os, re
here = os.path.dirname(os.environ["AML_APP_ROOT"])
def init(): pass
def run(raw):
    open(os.path.join(here, "stuck"), "w").close()
    re.match("(a+)+$", "a" * 50 + "b")
""",
        WORKER_COUNT="2",
    )
    await instance.wait_until_serving()
    children = psutil.Process(instance.process.pid).children()
    async with stream(instance) as one:
        await one.send([b"", b""])
        async with asyncio.timeout(WAIT_S):
            while not (folder / "stuck").exists():
                await asyncio.sleep(0.01)
        instance.process.kill()
    gone, alive = await asyncio.to_thread(psutil.wait_procs, children, WAIT_S)
    for child in alive:
        child.kill()
    assert len(gone) == 2


@WORKER_COUNTS
async def test_an_instance_whose_script_ends_the_thread_that_runs_it_ends(
    start: Start, worker_count: str
) -> None:
    instance = start(
        """
import os, signal
def init(): signal.signal(signal.SIGUSR1, lambda *_: 1 / 0)
def run(raw): return os.getpid()
""",
        WORKER_COUNT=worker_count,
    )
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        (answer,) = await one.answers(1)
    os.kill(json.loads(answer.payload), signal.SIGUSR1)
    assert await instance.exit_status() == 3
    assert "ZeroDivisionError" in instance.log.read_text()


@WORKER_COUNTS
async def test_a_signal_that_interrupts_nothing_is_handled_all_the_same(
    start: Start, worker_count: str
) -> None:
    # interrupt_main is a signal as it comes just before a thread begins to wait.
    instance = start(
        """
import _thread, signal, sys, threading
def init(): signal.signal(signal.SIGUSR1, lambda *_: 1 / 0)
def interrupt():
    main = threading.main_thread().ident
    while sys._current_frames()[main].f_code.co_name != "work":
        pass
    _thread.interrupt_main(signal.SIGUSR1)
def run(raw): threading.Thread(target=interrupt).start()
""",
        WORKER_COUNT=worker_count,
    )
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        await one.answers(1)
    assert await instance.exit_status() == 3
    assert "ZeroDivisionError" in instance.log.read_text()


async def test_a_script_that_cannot_start_in_them_ends_the_instance_and_says_why(
    start: Start,
) -> None:
    instance = start(
        "def init(): raise OSError('no weights')\ndef run(raw): pass", WORKER_COUNT="2"
    )
    assert await instance.exit_status() == 3
    log = instance.log.read_text()
    assert "the scoring script did not start: OSError: no weights" in log
    assert "of WORKER_COUNT ended; its last line says why" in log


async def test_a_request_whose_time_is_over_is_not_given_to_a_process(
    start: Start, folder: Path
) -> None:
    instance = start("""
import os, time
here = os.path.dirname(os.environ["AML_APP_ROOT"])
def init(): pass
def run(raw):
    while not os.path.exists(os.path.join(here, "gate")): time.sleep(0.001)
    return raw
""", WORKER_COUNT="2")  # fmt: skip
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"busy"] * 2)
        await one.send([b"late"], first=3, timeout_ns=1)
        (folder / "gate").touch()
        *ran, late = await one.answers(3)
    assert [answer.status for answer in ran] == [200, 200]
    assert (late.outcome, late.run_ns) == (late.OUTCOME_EXPIRED, 0)
