"""The engine with real gRPC: batches, swaps, drains, lost instances, misbehaving shadows."""

import asyncio
from pathlib import Path

import pytest

from router.core.request import NO_HEAD, Answer, Reason, Refusal, Request
from router.core.routing import EndpointRoute, Routing
from router.data_plane.engine import now_ns
from tests.data_plane.scripted import Worker, echo, running
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

WAIT_S = 10


class Caller:
    """A client of the dispatcher that waits for its one answer."""

    def __init__(self) -> None:
        self.told: asyncio.Future[Answer | Refusal] = asyncio.get_running_loop().create_future()

    def on_answer(self, request: Request, answer: Answer) -> None:
        self.told.set_result(answer)

    def on_refusal(self, request: Request, refusal: Refusal) -> None:
        self.told.set_result(refusal)


def ask(worker: Worker, body: bytes = b"{}", pinned: str | None = None) -> asyncio.Future[object]:
    dispatcher = worker.engine.dispatcher
    endpoint = dispatcher.snapshot.endpoints["my-endpoint"]
    caller = Caller()
    result = dispatcher.arrive(endpoint, pinned, body, NO_HEAD, caller, now_ns())
    if isinstance(result, Refusal):
        caller.told.set_result(result)
    return caller.told  # type: ignore[return-value]


async def answers(*futures: "asyncio.Future[object]") -> list[bytes]:
    async with asyncio.timeout(WAIT_S):
        told = await asyncio.gather(*futures)
    assert not any(isinstance(one, Refusal) for one in told), told
    return [one.payload for one in told]  # type: ignore[attr-defined]


async def test_requests_that_arrive_together_travel_in_few_messages(blue: Worker) -> None:
    await answers(ask(blue))
    instance = blue.instances["blue-0"]
    before = len(instance.messages)
    bodies = [b"%d" % index for index in range(200)]
    assert await answers(*(ask(blue, body) for body in bodies)) == bodies
    # 20 us a run() make a window of 75: 200 requests are 3 messages.
    assert len(instance.messages) - before <= 4


async def test_a_slow_model_gets_only_what_it_runs_and_the_rest_waits_in_the_worker(
    worker: Worker,
) -> None:
    held: list[tuple[ScoreRequest, asyncio.Event]] = []
    arrived = asyncio.Event()

    async def slow(request: ScoreRequest) -> ScoreAnswer:
        release = asyncio.Event()
        held.append((request, release))
        arrived.set()
        await release.wait()
        answer = await echo(request)
        answer.run_ns = 50_000_000
        return answer

    for index in range(2):
        await worker.add_instance(f"blue-{index}", slow)
    await worker.route({"blue": ["blue-0", "blue-1"]}, {"blue": 100})
    asked = [ask(worker, b"%d" % index) for index in range(6)]
    served = 0
    async with asyncio.timeout(WAIT_S):
        while served < len(asked):
            while not held:
                arrived.clear()
                await arrived.wait()
            lane = worker.engine.dispatcher.snapshot.endpoints["my-endpoint"].deployments["blue"]
            assert lane.lane.outstanding <= 2
            held.pop(0)[1].set()
            served += 1
    assert len(await answers(*asked)) == 6


async def test_traffic_swaps_under_load_lose_nothing_and_obey_at_once(worker: Worker) -> None:
    for name in ("blue-0", "green-0"):
        await worker.add_instance(name)
    names = {"blue": ["blue-0"], "green": ["green-0"]}
    waiting = []
    for index in range(50):
        to = ("blue", "green")[index % 2]
        await worker.route(names, {to: 100})
        before = len(worker.instances[f"{to}-0"].requests)
        waiting += [ask(worker, b"%d" % index) for _ in range(5)]
        await answers(waiting[-1])
        assert len(worker.instances[f"{to}-0"].requests) >= before + 5
    assert len(await answers(*waiting)) == 250


async def test_a_removed_instance_is_drained_before_its_stream_is_closed(worker: Worker) -> None:
    release = asyncio.Event()

    async def held(request: ScoreRequest) -> ScoreAnswer:
        await release.wait()
        return await echo(request)

    await worker.add_instance("blue-0", held)
    await worker.add_instance("blue-1")
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    asked = ask(worker, b"kept")
    await asyncio.sleep(0)
    await worker.route({"blue": ["blue-1"]}, {"blue": 100})
    assert await worker.engine.await_drained(["blue-0"], 0.05) == ["blue-0"]
    assert await answers(ask(worker, b"new")) == [b"new"]
    release.set()
    assert await worker.engine.await_drained(["blue-0"], WAIT_S) == []
    assert await answers(asked) == [b"kept"]


async def test_what_a_dying_instance_held_is_answered_by_the_other(worker: Worker) -> None:
    taken = asyncio.Event()

    async def never(request: ScoreRequest) -> ScoreAnswer:
        taken.set()
        await asyncio.Event().wait()
        return ScoreAnswer()

    dying = await worker.add_instance("blue-0", never)
    await worker.add_instance("blue-1")
    await worker.route({"blue": ["blue-0", "blue-1"]}, {"blue": 100})
    asked = [ask(worker, b"%d" % index) for index in range(2)]
    await asyncio.wait_for(taken.wait(), WAIT_S)
    await dying.stop()
    assert sorted(await answers(*asked)) == [b"0", b"1"]


async def test_an_instance_that_comes_back_serves_again(blue: Worker) -> None:
    instance = blue.instances["blue-0"]
    assert await answers(ask(blue)) == [b"{}"]
    await instance.stop()
    await instance.start()
    assert await answers(ask(blue, b"again")) == [b"again"]


async def test_an_unreachable_instance_does_not_hold_up_an_update_of_the_others(
    monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    monkeypatch.setattr("router.data_plane.engine.CONNECT_TIMEOUT_S", 0.05)
    gone = await worker.add_instance("blue-0")
    await gone.stop()
    await worker.add_instance("blue-1")
    await worker.route({"blue": ["blue-0", "blue-1"]}, {"blue": 100})
    assert await answers(*(ask(worker) for _ in range(5))) == [b"{}"] * 5


async def test_the_old_instance_serves_until_the_one_that_replaces_it_can_be_reached(
    monkeypatch: pytest.MonkeyPatch, worker: Worker
) -> None:
    monkeypatch.setattr("router.data_plane.engine.CONNECT_TIMEOUT_S", 0.05)
    await worker.add_instance("blue-0")
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    late = await worker.add_instance("blue-1")
    await late.stop()
    await worker.route({"blue": ["blue-1"]}, {"blue": 100})
    assert await answers(*(ask(worker) for _ in range(5))) == [b"{}"] * 5
    assert await worker.engine.await_drained(["blue-0"], 0.05) == ["blue-0"]
    await late.start()
    assert await worker.engine.await_drained(["blue-0"], WAIT_S) == []
    assert await answers(ask(worker, b"new")) == [b"new"]
    assert [request.payload for request in late.requests] == [b"new"]


async def test_leaving_refuses_what_nobody_will_answer(folder: Path) -> None:
    async def silent(request: ScoreRequest) -> None:
        return None

    async with running(folder) as leaving:
        await leaving.add_instance("blue-0", silent)
        await leaving.route({"blue": ["blue-0"]}, {"blue": 100})
        asked = ask(leaving)
        await leaving.engine.drain(0.05)
    async with asyncio.timeout(WAIT_S):
        told = await asked
    assert isinstance(told, Refusal)
    assert told.reason is Reason.STOPPING


async def test_an_older_routing_is_refused(blue: Worker) -> None:
    with pytest.raises(AssertionError):
        await blue.engine.apply(Routing(generation=0))
    assert await answers(ask(blue)) == [b"{}"]


async def test_a_request_without_an_answer_ends_at_its_deadline(worker: Worker) -> None:
    async def silent(request: ScoreRequest) -> None:
        return None

    await worker.add_instance("blue-0", silent)
    await worker.route({"blue": ["blue-0"]}, {"blue": 100}, timeout_ms=50)
    async with asyncio.timeout(WAIT_S):
        told = await ask(worker)
    assert isinstance(told, Refusal)
    assert "request_timeout_ms (50)" in told.message


@pytest.mark.parametrize("behaviour", ["slow", "dead", "garbage", "huge", "silent"])
async def test_5_live_requests_are_answered_whatever_the_shadow_does(
    behaviour: str, worker: Worker
) -> None:
    async def shadow(request: ScoreRequest) -> ScoreAnswer | None:
        answer = await echo(request)
        match behaviour:
            case "slow":
                await asyncio.Event().wait()
            case "garbage":
                answer.id += 1
                answer.status = 77
            case "huge":
                answer.payload = bytes(8 * 1024 * 1024)
            case "silent":
                return None
        return answer

    await worker.add_instance("blue-0")
    dead = await worker.add_instance("green-0", shadow)
    names = {"blue": ["blue-0"], "green": ["green-0"]}
    await worker.route(names, {"blue": 100}, {"green": 50}, concurrency=20)
    if behaviour == "dead":
        await dead.stop()
    for round_ in range(5):
        bodies = [b"%d-%d" % (round_, index) for index in range(20)]
        assert await answers(*(ask(worker, body) for body in bodies)) == bodies
    (counted,) = worker.engine.dispatcher.statistics().endpoints
    green = counted.deployments[1]
    assert green.copies + green.copies_lost >= 50
    assert green.queued + green.outstanding <= 2 * 20


async def test_a_routing_without_endpoints_leaves_no_stream_behind(
    folder: Path, worker: Worker
) -> None:
    await worker.add_instance("blue-0")
    async with running(folder) as second:
        second.instances = dict(worker.instances)
        await second.route({"blue": ["blue-0"]}, {"blue": 100})
        assert await answers(ask(second)) == [b"{}"]
        await second.route({}, {})
        assert await second.engine.await_drained(["blue-0"], WAIT_S) == []
        assert second.engine._upstreams == {}
        second.instances = {}


async def test_an_instance_that_ends_before_its_script_is_loaded_is_tried_again(
    worker: Worker,
) -> None:
    instance = await worker.add_instance("blue-0")
    instance.failing_loads = 2
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    assert await answers(ask(worker, b"[1]")) == [b"[1]"]
    assert instance.failing_loads == 0


async def test_a_drain_comes_after_the_change_that_is_under_way_and_ends_all_changes(
    blue: Worker,
) -> None:
    engine = blue.engine
    newest = engine.dispatcher.snapshot.generation
    endpoint = EndpointRoute(name="other", keys=("key",), deployments=(), traffic={})
    async with engine._apply_turn:
        changes = [
            asyncio.create_task(engine.apply(Routing(generation=newest + 1))),
            asyncio.create_task(engine.drain(WAIT_S)),
            asyncio.create_task(
                engine.apply(Routing(generation=newest + 2, endpoints=(endpoint,)))
            ),
        ]
        await asyncio.sleep(0)
    async with asyncio.timeout(WAIT_S):
        await asyncio.gather(*changes)
    assert engine.dispatcher.snapshot.generation == newest + 1
    assert not engine.dispatcher.snapshot.endpoints
