"""`from router import Router`: the same router inside an asyncio program."""

import asyncio
import contextlib
import json
from collections import Counter
from pathlib import Path

import aiohttp
import psutil
import pytest
from msgspec.structs import replace

from router import Router, ScoringError
from router.control_plane.store import Store
from router.core.errors import BadRequest, DeploymentFailed, ResourceNotFound, StorageFailed
from router.core.request import Reason

WAIT_S = 30
SCRIPT = """
import json
def init(): pass
def run(raw):
    if raw == "fail": raise ValueError("no")
    return ["{name}", json.loads(raw)]
"""
GATED = """
import pathlib, time
def init(): pass
def run(raw):
    pathlib.Path({begun!r}).touch()
    deadline = time.monotonic() + 30
    while not pathlib.Path({gate!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
    return "late"
"""


def write_config(folder: Path, *, blue: str = SCRIPT, traffic: str = "{blue: 100}") -> Path:
    (folder / "endpoint.yml").write_text("name: my-endpoint\nauth_mode: key\n")
    for name, script in (("blue", blue), ("green", SCRIPT)):
        (folder / name).mkdir()
        (folder / name / "score.py").write_text(script.replace("{name}", name))
        (folder / f"{name}.yml").write_text(
            f"name: {name}\nendpoint_name: my-endpoint\n"
            f"code_configuration: {{code: {name}/, scoring_script: score.py}}\n"
            "request_settings: {max_concurrent_requests_per_instance: 200}\n"
        )
    path = folder / "turnout.yml"
    path.write_text(
        "endpoints:\n  - endpoint: endpoint.yml\n    deployments: [blue.yml, green.yml]\n"
        f"    traffic: {traffic}\n"
    )
    return path


def instances() -> list[psutil.Process]:
    """Those that this process started itself; daemons of other tests have their own."""
    found = []
    for process in psutil.Process().children():
        with contextlib.suppress(psutil.NoSuchProcess):
            if "runtime" in process.cmdline():
                found.append(process)
    return found


async def test_traffic_is_updated_live_and_split_exactly(tmp_path: Path) -> None:
    async with Router.from_file(write_config(tmp_path)) as router:
        answer = await router.score("my-endpoint", b"[1]")
        assert (answer.deployment, json.loads(answer.body)) == ("blue", ["blue", [1]])
        assert answer.run_ns > 0
        await router.set_traffic("my-endpoint", {"blue": 70, "green": 30})
        answers = await asyncio.gather(*(router.score("my-endpoint", b"1") for _ in range(300)))
        assert Counter(a.deployment for a in answers) == {"blue": 210, "green": 90}
        direct = await router.score("my-endpoint", b"1", deployment="green")
        assert direct.deployment == "green"
    assert instances() == []


async def test_changes_under_load_lose_nothing_and_leaving_answers_what_was_taken(
    tmp_path: Path,
) -> None:
    answers: list[asyncio.Task[object]] = []
    async with Router.from_file(write_config(tmp_path)) as router:
        for green in (0, 10, 50, 100, 0):
            await router.set_traffic("my-endpoint", {"blue": 100 - green, "green": green})
            answers += [
                asyncio.create_task(router.score("my-endpoint", b"1")) for _ in range(100)
            ]  # fmt: skip
            await asyncio.sleep(0)
    async with asyncio.timeout(WAIT_S):
        assert len(await asyncio.gather(*answers)) == 500


async def test_leaving_while_a_change_is_under_way_answers_what_was_taken(tmp_path: Path) -> None:
    begun, gate = tmp_path / "begun", tmp_path / "gate"
    script = GATED.format(begun=str(begun), gate=str(gate))
    async with asyncio.timeout(WAIT_S):
        async with Router.from_file(write_config(tmp_path, blue=script)) as router:
            answer = asyncio.create_task(router.score("my-endpoint", b"1"))
            while not begun.exists():
                await asyncio.sleep(0.01)
            engine, drain = router._engine, router._engine.drain
            generation = engine.dispatcher.snapshot.generation

            async def drain_and_open(timeout_s: float) -> None:
                draining = asyncio.create_task(drain(timeout_s))
                await asyncio.sleep(0)
                engine._apply_turn.release()
                while engine.dispatcher.snapshot.endpoints and not draining.done():
                    await asyncio.sleep(0)
                gate.touch()
                await draining

            engine.drain = drain_and_open  # type: ignore[method-assign]
            # The change is under way, and the drain comes behind it.
            await engine._apply_turn.acquire()
            change = asyncio.create_task(router.set_traffic("my-endpoint", {"green": 100}))
            while engine.given_generation == generation:
                await asyncio.sleep(0)
        assert (await answer).body == b'"late"'
        await change
    assert instances() == []


async def test_the_listener_is_there_when_it_is_wanted(tmp_path: Path) -> None:
    async with Router.from_file(write_config(tmp_path)) as router:
        port = await router.listen()
        key = router.control_plane.keys("my-endpoint").primary_key
        async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {key}"}) as client:
            url = f"http://127.0.0.1:{port}/my-endpoint/score"
            async with client.post(url, data=b"[2]") as response:
                assert response.status == 200
                assert response.headers["azureml-model-deployment"] == "blue"
                assert await response.json() == ["blue", [2]]


async def test_errors_say_why(tmp_path: Path) -> None:
    async with Router.from_file(write_config(tmp_path)) as router:
        with pytest.raises(ResourceNotFound, match=r"expected an endpoint \(my-endpoint\)"):
            await router.score("nothing", b"1")
        with pytest.raises(ScoringError, match="got 'red'") as refused:
            await router.score("my-endpoint", b"1", deployment="red")
        assert refused.value.reason is Reason.UNKNOWN_DEPLOYMENT
        with pytest.raises(ScoringError, match="'blue' answered 500") as failed:
            await router.score("my-endpoint", b"fail")
        assert failed.value.reason is Reason.MODEL_ERROR
        assert b"error occurred in scoring script" in failed.value.body
        with pytest.raises(BadRequest, match="sum 50"):
            await router.set_traffic("my-endpoint", {"green": 50})
        assert (await router.score("my-endpoint", b"1")).deployment == "blue"


async def test_a_script_that_does_not_start_is_refused_with_its_traceback(tmp_path: Path) -> None:
    broken = "def init(): raise OSError('no weights')\ndef run(raw): pass"
    with pytest.raises(DeploymentFailed, match="no weights"):
        async with Router.from_file(write_config(tmp_path, blue=broken)):
            pass
    assert instances() == []


def test_a_wrong_configuration_is_refused_with_its_place(tmp_path: Path) -> None:
    path = tmp_path / "turnout.yml"
    path.write_text("data_plane: {prot: 80}\n")
    with pytest.raises(BadRequest, match="did you mean `port`"):
        Router.from_file(path)


async def test_a_body_that_is_not_bytes_is_refused_and_harms_nobody(tmp_path: Path) -> None:
    async with Router.from_file(write_config(tmp_path)) as router:
        with pytest.raises(TypeError, match="expected bytes as the body, got str"):
            await router.score("my-endpoint", "text")  # type: ignore[arg-type]
        assert (await router.score("my-endpoint", b"1")).deployment == "blue"


async def test_a_program_that_is_cancelled_while_it_leaves_leaves_no_instance(
    tmp_path: Path,
) -> None:
    slow = "import time\ndef init(): pass\ndef run(raw): time.sleep(1)"

    async def program() -> None:
        async with Router.from_file(write_config(tmp_path, blue=slow)) as router:
            waiting.append(asyncio.create_task(router.score("my-endpoint", b"1")))
            await asyncio.sleep(0)
            leaving.set()

    waiting: list[asyncio.Task[object]] = []
    leaving = asyncio.Event()
    running = asyncio.create_task(program())
    await asyncio.wait_for(leaving.wait(), WAIT_S)
    running.cancel()
    await asyncio.wait([running, *waiting], timeout=WAIT_S)
    assert instances() == []


async def test_a_delete_that_could_not_be_published_is_whole_once_it_is_tried_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with Router.from_file(write_config(tmp_path)) as router:
        plane = router.control_plane
        assert len(instances()) == 2

        def broken(_: Store) -> object:
            raise StorageFailed("the disk is broken")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "everything", broken)
            operation = plane.delete_deployment("my-endpoint", "green")
            assert operation is not None
            with pytest.raises(StorageFailed):
                await operation.result()
            # Workers may still route to it.
            answer = await router.score("my-endpoint", b"1", deployment="green")
            assert answer.deployment == "green"
        operation = plane.delete_deployment("my-endpoint", "green")
        assert operation is not None
        await operation.result()
        async with asyncio.timeout(WAIT_S):
            while len(instances()) > 1:
                await asyncio.sleep(0.01)
        assert [one.spec.name for one in plane.deployments_of("my-endpoint")] == ["blue"]


async def test_an_update_that_could_not_be_published_leaves_the_old_instances_serving(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = write_config(tmp_path)
    config.write_text(config.read_text() + "data_plane: {drain_timeout_ms: 100}\n")
    async with Router.from_file(config) as router:
        plane = router.control_plane
        spec = plane.deployment("my-endpoint", "blue").spec
        old = {one.pid for one in instances()}

        def broken(_: Store) -> object:
            raise StorageFailed("the disk is broken")

        with monkeypatch.context() as patch:
            patch.setattr(Store, "everything", broken)
            changed = replace(spec, environment_variables={"N": "2"})
            with pytest.raises(StorageFailed):
                await (await plane.put_deployment(changed)).result()
            assert (await router.score("my-endpoint", b"1")).deployment == "blue"
            assert {one.pid for one in instances()} > old
        # It is tried again: the new one comes to the workers, and the old one to its end.
        async with asyncio.timeout(WAIT_S):
            while len(instances()) > 2:
                await asyncio.sleep(0.01)
        assert {one.pid for one in instances()} != old
        assert (await router.score("my-endpoint", b"1", deployment="blue")).deployment == "blue"
