"""Lives and deaths: what a daemon leaves, what the next one finds, what it replaces.

Each test starts daemons, workers and instances of its own and ends them by their pids.
"""

import asyncio
import json
import os
import signal
import socket
import subprocess
from urllib.parse import urlsplit

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import (
    LIMIT_S,
    Client,
    Daemon,
    is_running,
    kill,
    kill_and_await_replacement,
    wait_gone,
)
from tests.e2e.harness import TURNOUT
from tests.free_port import free_port

ONCE_ONLY = """
import pathlib
def init():
    mark = pathlib.Path({mark!r})
    assert not mark.exists(), 'started a second time'
    mark.touch()
def run(raw): return 'ok'
"""
GATED = """
import pathlib, time
def init():
    pathlib.Path({reached!r}).touch()
    deadline = time.monotonic() + 30
    while not pathlib.Path({gate!r}).exists() and time.monotonic() < deadline:
        time.sleep(0.01)
def run(raw): return 'ok'
"""

FAILS_WITH_A_FLAG = """
import pathlib
def init():
    if pathlib.Path({flag!r}).exists():
        raise RuntimeError('no such weights')
def run(raw): return 'ok'
"""


async def test_state_survives_an_orderly_restart_and_nothing_runs_in_between(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"), 2)
        before = await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 2)
        keys = (await client.call("POST", "my-endpoint/listKeys")).body
    pids = [*daemon.pids("w").values(), *daemon.pids("i").values()]
    assert daemon.stop() == 0
    assert not any(is_running(pid) for pid in pids)
    assert list((daemon.state / "run").iterdir()) == []
    daemon.restart()
    async with Client(daemon) as client:
        after = await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 2)
        assert after == before
        assert (await client.score("my-endpoint")).status == 200
        assert (await client.call("POST", "my-endpoint/listKeys")).body == keys
    assert daemon.stop() == 0


async def test_after_kill_9_traffic_goes_on_and_the_next_daemon_adopts_what_runs(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        mark = daemon.folder / "mark"
        code = daemon.code("code", ONCE_ONLY.format(mark=str(mark)))
        await client.serve("my-endpoint", "blue", code)
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        before = daemon.pids("w"), daemon.pids("i"), daemon.addresses["scoring_base"]
        daemon.kill()
        assert (await client.score("my-endpoint", key)).status == 200
        daemon.restart()
        assert (daemon.pids("w"), daemon.pids("i"), daemon.addresses["scoring_base"]) == before
        assert (await client.score("my-endpoint", key)).status == 200
    async with Client(daemon) as client:
        # The adopted take orders, too.
        done = await client.finish(
            await client.put_deployment("my-endpoint", "green", daemon.code("green"))
        )
        assert done.body["status"] == "Succeeded"
        await client.set_traffic("my-endpoint", green=100)
        assert (await client.score("my-endpoint", key)).headers[
            "azureml-model-deployment"
        ] == "green"
    pids = [*daemon.pids("w").values(), *daemon.pids("i").values()]
    assert daemon.stop() == 0
    assert not any(is_running(pid) for pid in pids)


async def test_after_kill_9_what_died_meanwhile_is_started_again(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"), 2)
    instances, workers = daemon.pids("i"), daemon.pids("w")
    daemon.kill()
    for pid in (instances["i1"], workers["w0"]):
        kill(pid)
    daemon.restart()
    assert daemon.pids("i").keys() == {"i2", "i3"}
    assert daemon.pids("i")["i2"] == instances["i2"]
    assert daemon.pids("w")["w1"] == workers["w1"]
    assert daemon.pids("w")["w0"] != workers["w0"]
    async with Client(daemon) as client:
        for _ in range(4):
            assert (await client.score("my-endpoint")).status == 200


async def test_after_kill_9_a_process_whose_record_was_not_written_yet_is_ended(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
    instances, workers = daemon.pids("i"), daemon.pids("w")
    daemon.kill()
    for record in ("i1.json", "w1.json"):
        (daemon.state / "run" / record).unlink()
    daemon.restart()
    async with Client(daemon) as client:
        await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 1)
    assert daemon.pids("i").keys() == {"i2"}
    assert daemon.pids("w")["w0"] == workers["w0"]
    assert daemon.pids("w")["w1"] != workers["w1"]
    assert not is_running(instances["i1"])
    assert not is_running(workers["w1"])
    async with Client(daemon) as client:
        assert (await client.score("my-endpoint")).status == 200


async def test_an_operation_cut_off_by_kill_9_is_finished_by_the_next_daemon(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    gate, reached = daemon.folder / "gate", daemon.folder / "reached"
    code = daemon.code("code", GATED.format(gate=str(gate), reached=str(reached)))
    async with Client(daemon) as client:
        await client.call("PUT", "my-endpoint", {"properties": {}})
        accepted = await client.put_deployment("my-endpoint", "blue", code)
        operation = urlsplit(accepted.headers["Azure-AsyncOperation"]).path
        while not reached.exists():
            await client.call("GET", "/status")
    (cut_off,) = daemon.pids("i").values()
    daemon.kill()
    gate.touch()
    daemon.restart()
    async with Client(daemon) as client:
        # Whoever polls goes on polling.
        assert (await client.call("GET", operation)).body["status"] == "Succeeded"
        shown = await client.call("GET", "my-endpoint/deployments/blue")
        assert shown.body["properties"]["provisioningState"] == "Succeeded"
        await client.set_traffic("my-endpoint", blue=100)
        assert (await client.score("my-endpoint")).status == 200
    # What the dead daemon had started belongs to nobody and is gone.
    assert not is_running(cut_off)
    assert len(daemon.pids("i")) == 1


async def test_a_command_that_waits_for_an_operation_outlives_its_control_plane(
    start_daemon: StartDaemon,
) -> None:
    config = {"data_plane": {"port": 0}, "control_plane": {"port": free_port(), "tls_port": None}}
    daemon = start_daemon(**config).wait_ready()
    gate, reached = daemon.folder / "gate", daemon.folder / "reached"
    code = daemon.code("code", GATED.format(gate=str(gate), reached=str(reached)))
    (daemon.folder / "blue.yml").write_text(
        f"name: blue\nendpoint_name: my-endpoint\n"
        f"code_configuration: {{code: {code}, scoring_script: score.py}}\n"
    )
    async with Client(daemon) as client:
        await client.call("PUT", "my-endpoint", {"properties": {}})
        command = await asyncio.create_subprocess_exec(
            TURNOUT, "ml", "online-deployment", "create", "-f", str(daemon.folder / "blue.yml"),
            "--control-plane", daemon.addresses["control_base"],
            stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip
        while not reached.exists():
            await client.call("GET", "/status")
    daemon.kill()
    gate.touch()
    daemon.restart()
    out, err = await asyncio.wait_for(command.communicate(), LIMIT_S)
    assert command.returncode == 0, err
    assert json.loads(out)["provisioning_state"] == "Succeeded"


async def test_how_an_operation_ended_can_be_asked_of_the_next_daemon(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    broken = daemon.code("broken", "def init(): raise ValueError('no model')\ndef run(raw): pass\n")
    async with Client(daemon) as client:
        await client.call("PUT", "my-endpoint", {"properties": {}})
        begun = await client.put_deployment("my-endpoint", "blue", broken, instanceType="odd")
        before = (await client.finish(begun)).body
    daemon.kill()
    daemon.restart()
    async with Client(daemon) as client:
        path = urlsplit(begun.headers["Azure-AsyncOperation"]).path
        after = (await client.call("GET", path)).body
    assert after == before
    assert after["status"] == "Failed"
    assert "ValueError: no model" in after["error"]["message"]
    assert "odd" in after["properties"]["warnings"][0]


async def test_an_instance_that_dies_is_replaced(start_daemon: StartDaemon) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("code"))
        await kill_and_await_replacement(daemon, "i")
        # Waits in the worker's queue until the new instance is warm.
        assert (await client.score("my-endpoint")).status == 200
        assert len(list((daemon.state / "run").glob("i*.sock"))) == 1, "the dead one's is removed"


async def test_a_crash_loop_shows_with_its_traceback_until_an_update_ends_it(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    flag = daemon.folder / "flag"
    async with Client(daemon) as client:
        code = daemon.code("loop", FAILS_WITH_A_FLAG.format(flag=str(flag)))
        await client.serve("loop", "blue", code)
        shown = await client.wait_for("loop", lambda instances: instances["ready"] == 1)
        assert shown["instances"] == {
            "state": "Healthy", "wanted": 1, "ready": 1, "restarts": 0, "lastError": None,
        }  # fmt: skip
        flag.touch()
        kill(*daemon.pids("i").values())
        shown = await client.wait_for("loop", lambda instances: instances["state"] == "CrashLoop")
        assert shown["provisioningState"] == "Succeeded", "the operation did"
        assert (shown["instances"]["ready"], shown["instances"]["wanted"]) == (0, 1)
        assert "RuntimeError: no such weights" in shown["instances"]["lastError"]
        metrics = await client.text("/metrics")
        of = '{deployment="blue",endpoint="loop"}'
        assert f"turnout_crash_loop{of} 1.0" in metrics
        assert f"turnout_ready_instances{of} 0.0" in metrics
        code = daemon.code("mended")
        done = await client.finish(await client.put_deployment("loop", "blue", code))
        assert done.body["status"] == "Succeeded"
        shown = await client.wait_for("loop", lambda instances: instances["state"] == "Healthy")
        assert shown["instances"]["lastError"] is None
        assert (await client.score("loop")).body == "ok"


async def test_after_an_update_that_failed_each_next_daemon_serves_what_served_before(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    flag = daemon.folder / "flag"
    flag.touch()
    async with Client(daemon) as client:
        await client.serve("my-endpoint", "blue", daemon.code("old"))
        broken = daemon.code("broken", FAILS_WITH_A_FLAG.format(flag=str(flag)))
        probe = {"failureThreshold": 7}
        begun = await client.put_deployment("my-endpoint", "blue", broken, 2, readinessProbe=probe)
        assert (await client.finish(begun)).body["status"] == "Failed"
        before = daemon.pids("i")
        assert len(before) == 1, "what was started for the update is gone"
    daemon.kill()
    daemon.restart()
    assert daemon.pids("i") == before
    await served_by_the_old(daemon)
    assert daemon.stop() == 0
    daemon.restart()
    await served_by_the_old(daemon)
    # What was declared can still be had, once it works.
    flag.unlink()
    async with Client(daemon) as client:
        begun = await client.put_deployment("my-endpoint", "blue", broken, 2)
        assert (await client.finish(begun)).body["status"] == "Succeeded"
        assert len(daemon.pids("i")) == 2


async def served_by_the_old(daemon: Daemon) -> None:
    """One instance of it, though the state says that the update failed, and why."""
    async with Client(daemon) as client:
        assert (await client.score("my-endpoint")).status == 200
        properties = await client.wait_for("my-endpoint", lambda instances: instances["ready"] == 1)
    assert properties["provisioningState"] == "Failed"
    assert "no such weights" in properties["provisioningError"]["message"]
    instances = properties["instances"]
    assert (instances["state"], instances["wanted"], instances["ready"]) == ("Healthy", 1, 1)


def test_a_second_daemon_on_the_same_folder_is_refused(start_daemon: StartDaemon) -> None:
    first = start_daemon().wait_ready()
    second = start_daemon()
    assert second.wait() == 1
    message = second.log.read_text().splitlines()[-1]
    assert message.startswith("turnout: expected a free state folder")
    assert str(first.process.pid) in message
    assert first.stop() == 0


def test_a_busy_port_is_refused_with_what_to_do(start_daemon: StartDaemon) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        for plane, other in (("data_plane", "control_plane"), ("control_plane", "data_plane")):
            daemon = start_daemon(**{plane: {"port": port}, other: {"port": 0}})
            assert daemon.wait() == 1
            message = daemon.log.read_text().splitlines()[-1]
            assert f"expected a free port, got 127.0.0.1:{port}" in message
            assert f"set `{plane}.port`" in message
        assert daemon.pids("w") == {}


def test_a_state_folder_too_deep_for_sockets_is_refused(start_daemon: StartDaemon) -> None:
    daemon = start_daemon(state_dir="d" * 100, data_plane={"port": 0}, control_plane={"port": 0})
    assert daemon.wait() == 1
    assert "Set `state_dir` to a shorter path" in daemon.log.read_text()


def test_a_second_signal_ends_everything_at_once(start_daemon: StartDaemon) -> None:
    config = {
        "data_plane": {"port": 0, "workers": 1, "drain_timeout_ms": 60_000},
        "control_plane": {"port": 0},
    }
    daemon = start_daemon(**config).wait_ready()
    (worker,) = daemon.pids("w").values()
    # A stopped worker can't drain, so that the daemon waits for it.
    os.kill(worker, signal.SIGSTOP)
    daemon.process.terminate()
    with daemon.log.open() as log:
        while "stopping" not in log.read():
            assert daemon.process.poll() is None
    daemon.process.terminate()
    assert daemon.wait() == 1
    wait_gone(worker)
