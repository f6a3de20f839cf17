"""How an instance ends: on SIGTERM it answers what it took, and only then goes."""

import asyncio
from pathlib import Path

import grpc

from tests.runtime.conftest import WORKER_COUNTS, Start
from tests.runtime.instance import SERVING, WAIT_S, Instance, stream
from tests.runtime.scripts import GATED
from turnout.scoring.v1.scoring_pb2 import ScoreRequest
from turnout.scoring.v1.scoring_pb2_grpc import ScoringStub


async def begin_drain(instance: Instance) -> None:
    instance.terminate()
    async with asyncio.timeout(WAIT_S):
        while await instance.health() == SERVING:
            await asyncio.sleep(0)


async def wait_for(folder: Path, name: str) -> None:
    async with asyncio.timeout(WAIT_S):
        while not (folder / name).exists():
            await asyncio.sleep(0)


async def test_sigterm_answers_what_was_taken_and_exits_0(start: Start, folder: Path) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b'"taken"', b'"gate"', b'"gate"'])
        (folder / "taken").touch()
        await one.answers(1)
        instance.terminate()
        while await instance.health() == SERVING:
            await asyncio.sleep(0)
        (folder / "gate").touch()
        assert [answer.status for answer in await one.answers(2)] == [200, 200]
    assert await instance.exit_status() == 0


async def test_what_is_taken_while_others_are_waited_for_is_answered_too(
    start: Start, folder: Path
) -> None:
    instance = start(GATED, WORKER_COUNT="2")
    await instance.wait_until_serving()
    async with stream(instance) as one, stream(instance) as other:
        await one.send([b'"gate"'])
        await wait_for(folder, "running-1")
        await begin_drain(instance)
        await other.send([b'"gate"'] * 5)
        await wait_for(folder, "running-2")
        (folder / "gate").touch()
        assert await one.ids_until_the_end() == [1]
        assert await other.ids_until_the_end() == [1, 2, 3, 4, 5]


async def test_a_router_that_reads_late_loses_no_answer(start: Start, folder: Path) -> None:
    # Each answer is a message of its own, and none is read before the process is gone.
    instance = start("""
import os, time
begun = os.path.join(os.path.dirname(os.environ["AML_APP_ROOT"]), "begun")
def init(): pass
def run(raw):
    open(begun, "w").close()
    time.sleep(0.003)
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""] * 20)
        await wait_for(folder, "begun")
        instance.terminate()
        assert await instance.exit_status() == 0
        assert await one.ids_until_the_end() == list(range(1, 21))


async def test_a_single_call_that_was_taken_is_answered_too(start: Start, folder: Path) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with grpc.aio.insecure_channel(instance.target) as channel:
        call = ScoringStub(channel).Score(ScoreRequest(id=1, payload=b'"gate"'))
        asked = asyncio.ensure_future(call)
        await wait_for(folder, "running-1")
        await begin_drain(instance)
        (folder / "gate").touch()
        async with asyncio.timeout(WAIT_S):
            assert (await asked).status == 200
    assert await instance.exit_status() == 0


@WORKER_COUNTS
async def test_sigterm_during_init_ends_it_with_0(start: Start, worker_count: str) -> None:
    instance = start(GATED, HOLD_INIT="1", WORKER_COUNT=worker_count)
    assert await instance.health() != SERVING
    instance.terminate()
    assert await instance.exit_status() == 0


async def test_a_second_sigterm_ends_it_at_once(start: Start, folder: Path) -> None:
    instance = start(GATED)
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b'"never"'])
        await wait_for(folder, "running-1")
        await begin_drain(instance)
        instance.terminate()
        assert await instance.exit_status() == 1
