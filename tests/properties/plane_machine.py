"""What outlives a control plane, and how one dies.

A computer has instances, here entries of a table instead of processes, and two workers, here
dispatchers without sockets. A life is one control plane from its start to its end. It may end
at any step: before any write to the store, any message to a worker, any start or end of an
instance. What it does after that has no effect.
"""

import asyncio
import sqlite3
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from router.control_plane.counts import sum_of_workers
from router.control_plane.environments.cache import Environments
from router.control_plane.instances import Adopted, Instance, InstanceOwner, Supervisor
from router.control_plane.layout import StateFolder
from router.control_plane.live_settings import LiveSettings
from router.control_plane.processes import Process
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import DeploymentFailed
from router.core.routing import Routing
from router.core.statistics import InstanceStatistics, WorkerStatistics, sum_of_instances
from tests.shell import Shell


class Killed(Exception):
    """The control plane is dead: this step had no effect, nor has any later one."""


class Life:
    """One control plane's; ``steps_left`` are those before its death, None if that is not set."""

    def __init__(self, steps_left: int | None = None) -> None:
        self.steps_left = steps_left
        self.died = asyncio.Event()

    def step(self) -> None:
        """Comes before each effect on the world."""
        if self.steps_left == 0:
            self.died.set()
        if self.died.is_set():
            raise Killed
        if self.steps_left is not None:
            self.steps_left -= 1


class MortalConnection:
    """A connection to the store's file whose writes are steps of a life."""

    def __init__(self, connection: sqlite3.Connection, life: Life) -> None:
        self._connection = connection
        self._life = life

    def execute(self, sql: str, *arguments: Any) -> sqlite3.Cursor:
        if not sql.startswith("SELECT"):
            self._life.step()
        return self._connection.execute(sql, *arguments)

    @property
    def in_transaction(self) -> bool:
        return self._connection.in_transaction

    def close(self) -> None:
        """As the kernel does for the dead: what was not committed is rolled back."""
        self._connection.close()


class Running:
    """An instance that runs, whoever started it."""

    def __init__(self, number: int, owner: InstanceOwner, version: str) -> None:
        self.number = number
        self.owner = owner
        self.version = version
        self.warm = False
        self.exited: asyncio.Future[int] = asyncio.get_running_loop().create_future()


class Machine:
    """What outlives a control plane."""

    def __init__(self) -> None:
        self.running: dict[int, Running] = {}
        self.workers = [Shell(0), Shell(1)]
        # How slow versions were told to end, and that an instance waits to be told.
        self.told: dict[str, bool] = {}
        self.changed = asyncio.Condition()
        self.waiting: set[str] = set()

    async def comes_up(self, one: Running) -> bool:
        kind = one.version.split("-")[0]
        if kind == "slow" and one.version not in self.told:
            self.waiting.add(one.version)
            async with self.changed:
                self.changed.notify_all()
                await self.changed.wait_for(lambda: one.version in self.told)
        alone = sum(other.version == one.version for other in self.running.values()) == 1
        return kind == "well" or self.told.get(one.version, kind == "half" and alone)

    async def tell(self, version: str, *, comes_up: bool) -> None:
        self.told[version] = comes_up
        self.waiting.discard(version)
        async with self.changed:
            self.changed.notify_all()

    async def until_waiting(self, version: str) -> None:
        async with self.changed:
            await self.changed.wait_for(lambda: version in self.waiting)

    def end(self, number: int) -> None:
        if one := self.running.pop(number, None):
            one.exited.set_result(0)


class MachineProcess(Process):
    """One life's handle of an instance."""

    def __init__(self, machine: Machine, life: Life, one: Running) -> None:
        self.pid = one.number
        self.details = {"warm": one.warm}
        self._machine = machine
        self._life = life
        self._one = one

    async def wait(self) -> int | None:
        return await asyncio.shield(self._one.exited)

    async def terminate(self, timeout_ms: int) -> None:
        self.kill()

    def kill(self) -> None:
        self._life.step()
        self._machine.end(self._one.number)


class MachineSupervisor(Supervisor):
    """Starts and finds instances of the machine."""

    def __init__(
        self,
        folder: StateFolder,
        next_number: Callable[[], int],
        environments: Environments,
        settings: LiveSettings,
        *,
        machine: Machine,
        life: Life,
    ) -> None:
        super().__init__(folder, next_number, environments, settings)
        self._machine = machine
        self._life = life

    async def start(self, owner: InstanceOwner, spec: DeploymentSpec) -> Instance:
        one = Running(self._next_number(), owner, spec.environment_variables["VERSION"])
        self._life.step()
        self._machine.running[one.number] = one
        return await self.resume(self._instance(one), spec)

    async def resume(self, instance: Instance, spec: DeploymentSpec) -> Instance:
        one = self._machine.running[instance.number]
        try:
            one.warm = await self._machine.comes_up(one)
        finally:
            if not one.warm:
                await self.stop([instance], timeout_ms=0)
        if not one.warm:
            raise DeploymentFailed(f"instance i{one.number} of {instance.owner} ended")
        return instance

    def adopt(self) -> Adopted:
        running = list(self._machine.running.values())
        return Adopted(
            [self._instance(one) for one in running if one.warm],
            [self._instance(one) for one in running if not one.warm],
        )

    def _instance(self, one: Running) -> Instance:
        process = MachineProcess(self._machine, self._life, one)
        socket = self._folder.instance_socket(one.number)
        instance = Instance(one.number, one.owner, socket, process)
        self._instances.add(instance)
        return instance


class MachineWorkers:
    """The machine's workers, as one life of the control plane knows them."""

    scoring_base = "http://127.0.0.1:1"

    def __init__(self, machine: Machine, life: Life) -> None:
        self._shells = machine.workers
        self._life = life

    @property
    def generation(self) -> int:
        return max(shell.dispatcher.snapshot.generation for shell in self._shells)

    async def apply(self, routing: Routing) -> None:
        for shell in self._shells:
            self._life.step()
            shell.dispatcher.swap(routing)
            shell.pump()

    async def await_drained(self, instance_ids: Sequence[str], timeout_ms: int) -> Iterable[str]:
        held = {id_ for id_ in instance_ids if any(s.dispatcher.holds(id_) for s in self._shells)}
        assert not held, "requests here are answered before anything else happens"
        return held

    async def statistics(self) -> WorkerStatistics:
        return sum_of_workers([shell.dispatcher.statistics() for shell in self._shells])

    async def instances(self) -> Sequence[InstanceStatistics]:
        return sum_of_instances(
            row for shell in self._shells for row in shell.dispatcher.instances(shell.now_ns)
        )
