"""Instances that are not well when the control plane is started again: their probes go on."""

import os
import signal

from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import PATIENT_PROBE, PID, PROBE, Client, wait_gone


async def test_an_instance_that_was_not_ready_gets_no_requests_before_it_is(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    probes = {"readinessProbe": PROBE, "livenessProbe": PATIENT_PROBE}
    async with Client(daemon) as client:
        await client.serve("one", "blue", daemon.code("code", PID), 2, **probes)
        stopped = daemon.pids("i")["i1"]
        os.kill(stopped, signal.SIGSTOP)
        await client.wait_for("one", lambda instances: instances["ready"] == 1)
    daemon.kill()
    # Else it would be asked at once, and found wanting.
    daemon.first = "from router.core import probing; probing.Tally.observe = lambda *_, **__: False"
    daemon.restart()
    async with Client(daemon) as client:
        shown = await client.call("GET", "one/deployments/blue")
        assert shown.body["properties"]["instances"]["ready"] == 1
        for _ in range(20):
            assert (await client.score("one")).body != stopped
    daemon.kill()
    daemon.first = ""
    daemon.restart()
    os.kill(stopped, signal.SIGCONT)
    async with Client(daemon) as client:
        await client.wait_for("one", lambda instances: instances["ready"] == 2)
    assert daemon.pids("i")["i1"] == stopped


async def test_an_instance_that_never_answers_again_is_replaced_by_its_liveness_probe(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon().wait_ready()
    async with Client(daemon) as client:
        await client.serve("one", "blue", daemon.code("code", PID), livenessProbe=PROBE)
        stopped = daemon.pids("i")["i1"]
        daemon.kill()
        os.kill(stopped, signal.SIGSTOP)
        daemon.restart()
    async with Client(daemon) as client:
        await client.wait_for("one", lambda found: (found["restarts"], found["ready"]) == (1, 1))
        wait_gone(stopped)
        assert (await client.score("one")).body == daemon.pids("i")["i2"]
