"""Instances that end, hang, stop or aren't ready: what becomes of them and of their requests.

Each test has an endpoint of its own in one daemon. TURNOUT_HUNG=1 runs also what takes a minute.
"""

import asyncio
import os
import signal
from pathlib import Path
from typing import Any

import pytest

from tests.control_plane.daemon import (
    HANGS_ONE,
    LIMIT_S,
    PATIENT_PROBE,
    PID,
    PROBE,
    Client,
    Daemon,
    deployment_body,
    is_running,
)


async def serve(
    client: Client, name: str, code: str, count: int = 1, wait: str = "PT30S", **properties: Any
) -> None:
    """An endpoint whose only deployment, blue, has all traffic."""
    settings = {"maxConcurrentRequestsPerInstance": 100, "requestTimeout": wait}
    body = deployment_body(code, count, requestSettings=settings, **properties)
    assert (await client.call("PUT", name, {"properties": {}})).status == 201
    done = await client.finish(await client.call("PUT", f"{name}/deployments/blue", body))
    assert done.body["status"] == "Succeeded", done.body
    await client.set_traffic(name, blue=100)


async def test_a_stopped_instance_leaves_the_routing_and_comes_back_when_it_answers(
    client: Client, shared_daemon: Daemon
) -> None:
    code = shared_daemon.code("stopped", PID)
    await serve(client, "stopped", code, 2, readinessProbe=PROBE, livenessProbe=PATIENT_PROBE)
    _, pid = newest(shared_daemon)
    os.kill(pid, signal.SIGSTOP)
    shown = await client.wait_for("stopped", lambda instances: instances["ready"] == 1)
    assert shown["instances"]["state"] == "Degraded"
    assert "Readiness probe failed: no answer within 1 s" in shown["instances"]["lastError"]
    served = {(await client.score("stopped")).body for _ in range(6)}
    assert len(served) == 1
    assert served != {pid}
    os.kill(pid, signal.SIGCONT)
    await client.wait_for("stopped", lambda instances: instances["ready"] == 2)
    assert {(await client.score("stopped")).body for _ in range(6)} == {pid, *served}


async def test_what_a_replaced_instance_held_is_sent_to_the_next_unless_retries_are_off(
    client: Client, shared_daemon: Daemon
) -> None:
    code = shared_daemon.code("held", PID)
    await serve(client, "held", code, livenessProbe=PROBE)
    _, held = newest(shared_daemon)
    await serve(client, "once", code, livenessProbe=PROBE, properties={"turnout-retries": "0"})
    _, once = newest(shared_daemon)
    for pid in (held, once):
        os.kill(pid, signal.SIGSTOP)
    again, lost = await asyncio.gather(client.score("held"), client.score("once"))
    assert again.status == 200
    assert again.body not in {held, once}
    assert (lost.status, lost.body["error"]["code"]) == (424, "ModelError")
    assert not is_running(held)
    shown = await client.wait_for("held", lambda instances: instances["state"] == "Healthy")
    assert shown["instances"]["restarts"] == 1


async def test_a_run_that_never_ends_makes_its_instance_unhealthy_and_it_is_replaced(
    client: Client, shared_daemon: Daemon
) -> None:
    flag = shared_daemon.folder / "flag-hangs"
    code = shared_daemon.code("hung", HANGS_ONE.format(flag=str(flag)))
    await serve(client, "hung", code, wait="PT1S", livenessProbe=PROBE)
    flag.touch()
    assert (await client.score("hung")).status == 408
    shown = await client.wait_for("hung", lambda instances: instances["restarts"] == 1)
    await client.wait_for("hung", lambda instances: instances["ready"] == 1)
    assert "Liveness probe failed: it said NOT_SERVING" in shown["instances"]["lastError"]
    assert (await client.score("hung")).status == 200


@pytest.mark.skipif("TURNOUT_HUNG" not in os.environ, reason="takes a minute: TURNOUT_HUNG=1")
async def test_an_instance_that_owes_an_answer_for_half_a_minute_is_replaced_whatever_probes_say(
    client: Client, shared_daemon: Daemon
) -> None:
    flag = shared_daemon.folder / "flag-owes"
    code = shared_daemon.code("owes", HANGS_ONE.format(flag=str(flag)))
    await serve(client, "owes", code, wait="PT1S")
    flag.touch()
    assert (await client.score("owes")).status == 408
    shown = await client.wait_for("owes", lambda instances: instances["restarts"] == 1)
    assert "It owed an answer" in shown["instances"]["lastError"]
    await client.wait_for("owes", lambda instances: instances["ready"] == 1)
    assert (await client.score("owes")).status == 200


async def test_scaling_down_lets_the_idle_instance_go_and_not_the_newest(
    client: Client, shared_daemon: Daemon
) -> None:
    flag = shared_daemon.folder / "flag-scales"
    code = shared_daemon.code("scales", HANGS_ONE.format(flag=str(flag)))
    await serve(client, "scales", code, 2)
    name, pid = newest(shared_daemon)
    # Instances take turns in each of the two workers: soon it is the newest that gets one.
    holder = 0
    while holder != pid:
        flag.touch()
        held = asyncio.create_task(client.score("scales"))
        holder = await written(flag)
        if holder != pid:
            flag.unlink()
            assert (await held).body == holder
    settings = {"maxConcurrentRequestsPerInstance": 100, "requestTimeout": "PT30S"}
    body = deployment_body(code, 1, requestSettings=settings)
    done = await client.finish(await client.call("PUT", "scales/deployments/blue", body))
    assert done.body["status"] == "Succeeded"
    assert name in shared_daemon.pids("i")
    flag.unlink()
    assert (await held).body == pid
    assert (await client.score("scales")).body == pid


async def written(flag: Path) -> int:
    """Which process has seen the flag."""
    async with asyncio.timeout(LIMIT_S):
        while not (text := await asyncio.to_thread(flag.read_text)):
            pass
    return int(text)


def newest(daemon: Daemon) -> tuple[str, int]:
    """Record's name and pid of the instance that was started last."""
    return max(daemon.pids("i").items(), key=lambda item: int(item[0].removeprefix("i")))
