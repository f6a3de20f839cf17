"""A control plane that is cheap to run and to kill: API, rules and store are the real ones.

What it finds around it is plane_machine.py's.
"""

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Any, cast
from unittest import mock

from aiohttp.test_utils import TestClient, TestServer

from router.control_plane import service
from router.control_plane.api import make_app
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.store import Store
from router.core.config import DaemonConfig, DataPlaneSettings
from tests.control_plane.daemon import ENDPOINTS
from tests.properties.plane_calls import Call
from tests.properties.plane_machine import (
    Killed,
    Life,
    Machine,
    MachineSupervisor,
    MachineWorkers,
    MortalConnection,
)
from tests.shell import Shell

LIMIT_S = 30
RUNNING = {"Creating", "Updating", "Deleting"}


class World:
    """A machine with one control plane after another on the same state folder.

    Attributes:
        lives: how many there were.
    """

    def __init__(self) -> None:
        self.machine = Machine()
        self.lives = 0
        self._root = Path(tempfile.mkdtemp(prefix="t-"))
        self._folder = StateFolder(self._root / "state")
        self._folder.create()
        self.code = self._root / "code"
        self.code.mkdir()
        (self.code / "score.py").write_text("def init(): ...\ndef run(raw): return raw\n")
        self._client: TestClient[Any, Any] | None = None

    async def start(self, dies_after: int | None = None) -> None:
        """Starts a control plane; one that dies meanwhile is followed by another."""
        self.lives += 1
        self.life = Life(dies_after)
        try:
            await self._start(self.life)
        except Killed:
            await self.bury()
            await self.start()
        self.life.steps_left = None

    async def stop(self) -> None:
        """The control plane ends in order, and every instance with it."""
        await self._plane.stop()
        assert not self.machine.running
        await self.bury()

    async def kill(self) -> None:
        """Kill -9, now."""
        self.life.died.set()
        await self.bury()

    async def bury(self) -> None:
        """Removes what a dead control plane left in this process."""
        if self._client is not None:
            await self._client.close()
            self._client = None
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._store.close()

    def remove(self) -> None:
        """Leaves nothing on the disk."""
        shutil.rmtree(self._root)

    async def do(self, call: Call, dies_after: int | None) -> int:
        """The answer's status, once what it began has ended or waits for a slow script.

        Args:
            dies_after: steps; the control plane may be dead on return.
        """
        self.life.steps_left = dies_after
        self._operation = ""
        method, path, body = call.request(str(self.code))
        assert self._client is not None
        async with self._client.request(method, _url(path), json=body) as answer:
            if answer.status >= 400:
                assert (await answer.json())["error"]["message"]
            elif url := answer.headers.get("Azure-AsyncOperation"):
                # Another control plane listens on another port.
                self._operation = url.split("/", 3)[3]
                version = getattr(call, "version", "")
                ended = [self.outcome(), self.life.died.wait()]
                if version.startswith("slow") and version not in self.machine.told:
                    ended.append(self.machine.until_waiting(version))
                await _first(ended)
        self.life.steps_left = None
        return answer.status

    async def outcome(self) -> str:
        """How the last operation ended, whichever control plane ended it; "" if none began."""
        if not self._operation:
            return ""
        assert self._client is not None
        headers = {"Prefer": f"wait={LIMIT_S}"}
        async with self._client.get(f"/{self._operation}", headers=headers) as answer:
            return str((await answer.json())["status"])

    async def settle(self, held: set[str]) -> dict[str, Any]:
        """What is shown when no operation runs but on endpoints that are held.

        A control plane that is dead, or dies meanwhile, is followed by another.
        """
        async with asyncio.timeout(LIMIT_S):
            while True:
                if self.life.died.is_set():
                    await self.bury()
                    await self.start()
                shown = await self.shown()
                states = {
                    state
                    for name, endpoint in shown.items()
                    if name not in held
                    for state in (
                        endpoint["state"],
                        *(d[2] for d in endpoint["deployments"].values()),
                    )
                }
                if not states & RUNNING and self._is_staffed:
                    return shown

    @property
    def _is_staffed(self) -> bool:
        """Whether all instances are there that are to be, and no others."""
        there_are = self._plane.instances().values()
        warm = sum(one.warm for one in self.machine.running.values())
        return all(one.ready == one.wanted for one in there_are) and warm == sum(
            one.wanted for one in there_are
        )

    async def shown(self) -> dict[str, Any]:
        """Everything that the API says, but for the keys, in the words of the model."""
        return {
            one["name"]: {
                "tag": one["tags"]["tag"],
                "kubernetes": one["kind"] == "Kubernetes",
                "state": one["properties"]["provisioningState"],
                "traffic": one["properties"]["traffic"],
                "mirror": one["properties"]["mirrorTraffic"],
                "deployments": {
                    found["name"]: (
                        found["properties"]["environmentVariables"]["VERSION"],
                        found["sku"]["capacity"],
                        found["properties"]["provisioningState"],
                    )
                    for found in (await self._get(f"{one['name']}/deployments"))["value"]
                },
            }
            for one in (await self._get(""))["value"]
        }

    async def keys(self, endpoint: str) -> dict[str, str]:
        assert self._client is not None
        async with self._client.post(_url(f"{endpoint}/listKeys")) as answer:
            found = await answer.json()
            return {"Primary": found["primaryKey"], "Secondary": found["secondaryKey"]}

    def routed(self, shell: Shell) -> dict[str, object]:
        """What a worker goes by, in the words of the model."""
        versions = {f"i{n}": one.version for n, one in self.machine.running.items() if one.warm}
        return {
            name: {
                "keys": sorted(key.decode() for key in found.credentials.keys),
                "traffic": dict(found.live.percents) if found.live else {},
                "mirror": dict(found.mirror.percents) if found.mirror else {},
                "instances": {
                    one.name: [versions[instance.id] for instance in one.route.instances]
                    for one in found.deployments.values()
                    if one.route.instances
                },
            }
            for name, found in shell.dispatcher.snapshot.endpoints.items()
        }

    async def _start(self, life: Life) -> None:
        self._store = Store.open(self._folder.database)
        # For speed. What the disk does when the power fails is not in this world.
        self._store._db.execute("PRAGMA synchronous = OFF")
        self._store._db = cast("Any", MortalConnection(self._store._db, life))

        def supervisor(*arguments: Any) -> MachineSupervisor:
            return MachineSupervisor(*arguments, machine=self.machine, life=life)

        with mock.patch.object(service, "Supervisor", supervisor):
            self._plane = service.ControlPlane(
                self._store,
                self._folder,
                MachineWorkers(self.machine, life),
                LiveSettings(DaemonConfig(data_plane=DataPlaneSettings(drain_timeout_ms=0))),
            )
        await self._plane.start()
        self._client = TestClient(TestServer(make_app(self._plane, dict)))
        await self._client.start_server()

    async def _get(self, path: str) -> Any:
        assert self._client is not None
        async with self._client.get(_url(path)) as answer:
            assert answer.status == 200, await answer.text()
            return await answer.json()


def _url(path: str) -> str:
    return f"{ENDPOINTS}/{path}".rstrip("/")


async def _first(waits: list[Any]) -> None:
    """Returns when the first has ended; the others are given up."""
    tasks = [asyncio.ensure_future(wait) for wait in waits]
    async with asyncio.timeout(LIMIT_S):
        done, pending = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    for task in pending:
        task.cancel()
    await asyncio.gather(*pending, return_exceptions=True)
    for task in done:
        task.result()
