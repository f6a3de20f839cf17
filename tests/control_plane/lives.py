"""A control plane that lives many short lives on one state folder, to be killed in each.

`python -m tests.control_plane.lives FOLDER SOCKET` imports everything once and forks a life for
each connection to its socket. A life is the real service on the real store; in place of
instances, which would cost a second each, a deployment is up after a few turns of the loop.
It sends its pid, then what state it found once what it resumed has ended, and then carries out
one change for each line it reads. Every line either way is JSON.
"""

import asyncio
import json
import os
import signal
import socket
import sys
from pathlib import Path
from typing import Any

from router.control_plane import service
from router.control_plane.asset_records import AssetId
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.provisioning import Provisioner, Say
from router.control_plane.records import Serving, StoredDeployment
from router.control_plane.service import ControlPlane
from router.control_plane.store import Store
from router.core.config import DaemonConfig
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import TurnoutError
from router.core.routing import Routing
from router.core.statistics import InstanceStatistics, WorkerStatistics

ENVIRONMENT = {"image": "none"}


class Provisioned(Provisioner):
    """Writes what the real one writes, in its order, and starts nothing."""

    async def restore(self) -> None:
        await self.publish()

    async def bring_up(self, deployment: StoredDeployment, say: Say, warn: Say) -> None:
        say("coming")
        await asyncio.sleep(0.001)
        self._save(deployment.spec, serving=Serving(spec=deployment.spec, revision=1))
        await self.publish()
        self._save(deployment.spec, state="Succeeded", error=None)


class NoWorkers:
    """Takes every routing."""

    scoring_base = "http://nowhere"
    generation = 0

    async def apply(self, routing: Routing) -> None:
        await asyncio.sleep(0)

    async def await_drained(self, instance_ids: object, timeout_ms: int) -> list[str]:
        return []

    async def statistics(self) -> WorkerStatistics:
        raise AssertionError("not asked for here")

    async def instances(self) -> list[InstanceStatistics]:
        return []


class Life:
    """One of them."""

    def __init__(self, folder: Path) -> None:
        self._folder = StateFolder(folder)
        self._folder.create()
        self._lock = self._folder.lock()
        self.store = Store.open(self._folder.database)
        self.plane = ControlPlane(
            self.store, self._folder, NoWorkers(), LiveSettings(DaemonConfig())
        )

    async def begin(self, asked: list[str]) -> dict[str, Any]:
        """Starts, waits for what it resumed, and tells what there is."""
        names = [operation.record.endpoint for operation in self.plane.operations.unfinished()]
        await self.plane.start()
        for name in names:
            await self.plane.operations.until_free(name)
        return self.state() | {"operations": [self._status(id_) for id_ in asked]}

    async def carry_out(self, change: dict[str, Any]) -> dict[str, Any]:
        """The change, and its acknowledgement or refusal."""
        if change["dies_at"]:
            self._die_at(change["dies_at"])
        try:
            return {"done": await self._do(change["do"], change)}
        except TurnoutError as error:
            return {"refused": error.code}

    def _die_at(self, number: int) -> None:
        """Kills itself before the store's statement of that number from now on."""
        left = iter(range(number - 1))

        def count(statement: str) -> None:
            if not statement.startswith("SELECT") and next(left, None) is None:
                os.kill(os.getpid(), signal.SIGKILL)

        self.store._db.set_trace_callback(count)

    def state(self) -> dict[str, Any]:
        """All that changes can change."""
        endpoints = {
            e.spec.name: {
                "tag": e.spec.tags.get("n"),
                "key": e.primary_key,
                "state": e.state,
                "traffic": e.spec.traffic,
                "declared": self.store.declaration(e.spec.name),
                "deployments": {
                    d.spec.name: [d.spec.environment_variables["N"], d.state]
                    for d in self.plane.deployments_of(e.spec.name)
                },
            }
            for e in self.plane.endpoints()
        }
        assets = [asset.id.version for asset in self.store.assets("environments")]
        return {"endpoints": endpoints, "assets": assets}

    async def _do(self, what: str, change: dict[str, Any]) -> object:
        plane, name = self.plane, change["endpoint"]
        operation = None
        match what:
            case "put endpoint":
                spec = EndpointSpec(name=name, tags={"n": change["n"]}, traffic=change["traffic"])
                await plane.put_endpoint(spec)
                return plane.keys(name).primary_key
            case "delete endpoint":
                operation = plane.delete_endpoint(name)
            case "regenerate key":
                return (await plane.regenerate_key(name, "Primary", change["n"])).primary_key
            case "put deployment":
                operation = await plane.put_deployment(self._deployment(change))
            case "delete deployment":
                operation = plane.delete_deployment(name, change["deployment"])
            case "declare":
                plane.endpoint(name)
                self.store.save_declaration(name, change["n"])
            case "put asset":
                asset_id = AssetId("environments", "env", change["n"])
                await plane.registry.put(asset_id, dict(ENVIRONMENT))
            case _:
                raise AssertionError(what)
        return operation.record.id if operation is not None else None

    def _deployment(self, change: dict[str, Any]) -> DeploymentSpec:
        return DeploymentSpec(
            name=change["deployment"],
            endpoint_name=change["endpoint"],
            code_configuration=CodeConfiguration(
                code=str(self._folder.root.parent / "code"), scoring_script="score.py"
            ),
            environment_variables={"N": change["n"]},
        )

    def _status(self, operation_id: str) -> str:
        return self.plane.operations.get(operation_id).status


async def live(folder: Path, connection: socket.socket) -> None:
    """One life, until its reader has no more for it to do, or until it is killed."""
    reader, writer = await asyncio.open_connection(sock=connection)

    def tell(what: object) -> None:
        writer.write(json.dumps(what).encode() + b"\n")

    tell(os.getpid())
    asked = json.loads(await reader.readline())
    life = Life(folder)
    tell(await life.begin(asked))
    while line := await reader.readline():
        tell(await life.carry_out(json.loads(line)))


def main(folder: Path, path: str) -> None:
    """Forks lives until it is ended."""
    vars(service)["Provisioner"] = Provisioned
    # Nobody waits for the lives that end here.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        print("ready", flush=True)  # noqa: T201 - for whoever started it
        while True:
            connection, _ = listener.accept()
            if os.fork() == 0:
                asyncio.run(live(folder, connection))
                os._exit(0)
            connection.close()


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])
