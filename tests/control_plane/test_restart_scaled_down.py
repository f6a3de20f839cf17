"""A control plane that ended while it scaled a deployment down: the next one lets go by load."""

import asyncio

from msgspec.structs import replace

from router.control_plane.layout import StateFolder
from router.control_plane.store import Store
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import HANGS_ONE, LIMIT_S, Client, Daemon, wait_gone

PATIENT = {"maxConcurrentRequestsPerInstance": 100, "requestTimeout": "PT1M"}


async def test_of_too_many_instances_found_the_idle_one_goes_and_not_the_newest(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    flag = daemon.folder / "flag"
    async with Client(daemon) as client:
        code = daemon.code("code", HANGS_ONE.format(flag=str(flag)))
        await client.call("PUT", "my-endpoint", {"properties": {}})
        begun = await client.put_deployment("my-endpoint", "blue", code, 2, requestSettings=PATIENT)
        assert (await client.finish(begun)).body["status"] == "Succeeded"
        await client.set_traffic("my-endpoint", blue=100)
        key = (await client.call("POST", "my-endpoint/listKeys")).body["primaryKey"]
        pids = daemon.pids("i")
        idle, busy = pids["i1"], pids["i2"]
        # Instances take turns: soon it is the newest that gets one.
        holder = 0
        while holder != busy:
            flag.touch()
            held = asyncio.create_task(client.score("my-endpoint", key))
            async with asyncio.timeout(LIMIT_S):
                while not flag.read_text():
                    await asyncio.sleep(0.01)
            holder = int(flag.read_text())
            if holder != busy:
                flag.unlink()
                await held
        daemon.kill()
        want_one(daemon)
        daemon.restart()
        await asyncio.to_thread(wait_gone, idle)
        flag.unlink()
        answer = await held
    assert (answer.status, answer.body) == (200, busy)
    assert daemon.pids("i") == {"i2": busy}


def want_one(daemon: Daemon) -> None:
    """What is on disk at the moment before a deployment that is scaled down lets go."""
    store = Store.open(StateFolder(daemon.state).database)
    stored = store.deployment("my-endpoint", "blue")
    assert stored is not None
    assert stored.serving is not None
    spec = replace(stored.spec, instance_count=1)
    serving = replace(stored.serving, spec=spec)
    store.save_deployment(replace(stored, spec=spec, serving=serving))
    store.close()
