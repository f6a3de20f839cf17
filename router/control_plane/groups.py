"""A group: the instances of one revision of a deployment, kept at the wanted number.

An instance that ends by itself leaves the group and another is started, later each time.
Who may see the group's instances is decided elsewhere: its owner is told of each change.
"""

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable, Iterable

from router.control_plane.instances import Instance, InstanceOwner, Supervisor, exit_text
from router.control_plane.tasks import Tasks
from router.core.backoff import Backoff
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import TurnoutError
from router.core.routing import InstanceRoute

log = logging.getLogger(__name__)


class InstanceGroup:
    """Instances of one revision.

    Args:
        on_change: awaited after an instance was lost or replaced; not for what ``grow``
            and ``shrink`` did themselves.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        owner: InstanceOwner,
        spec: DeploymentSpec,
        on_change: Callable[[], Awaitable[None]],
    ) -> None:
        self.owner = owner
        self._supervisor = supervisor
        self._spec = spec
        self._on_change = on_change
        self._wanted = 0
        self._instances: list[Instance] = []
        self._backoff = Backoff()
        self._tasks = Tasks()

    @property
    def wanted(self) -> int:
        """How many instances there are to be."""
        return self._wanted

    @property
    def routes(self) -> tuple[InstanceRoute, ...]:
        """The warm instances, as workers know them."""
        return tuple(instance.route for instance in self._instances)

    def adopt(self, instances: Iterable[Instance]) -> None:
        """Takes up running instances of this revision."""
        for instance in instances:
            self._admit(instance)
        self._wanted = len(self._instances)

    async def grow(self, count: int, on_ready: Callable[[int], None]) -> None:
        """Starts what is missing to ``count`` instances; all of it, or nothing.

        Args:
            on_ready: told how many there are, each time another one is warm.

        Raises:
            DeploymentFailed: one did not come up. The group is as before.
        """
        missing = max(count - len(self._instances), 0)
        on_ready(len(self._instances))
        starts = [asyncio.create_task(self._start()) for _ in range(missing)]
        started: list[Instance] = []
        try:
            for start in asyncio.as_completed(starts):
                started.append(await start)
                on_ready(len(self._instances) + len(started))
        except BaseException:
            for task in starts:
                task.cancel()
            await asyncio.gather(*starts, return_exceptions=True)
            done = [task.result() for task in starts if _succeeded(task)]
            await self._supervisor.stop(done, timeout_ms=0)
            raise
        self._wanted = count
        for instance in started:
            self._admit(instance)

    def shrink(self, count: int) -> list[Instance]:
        """Lets go of the newest instances over ``count``; they run on, for the caller to stop."""
        self._wanted = min(self._wanted, count)
        kept, released = self._instances[:count], self._instances[count:]
        self._instances = kept
        return released

    def keep(self, count: int) -> None:
        """Sees to it that there will be ``count`` instances, without waiting for them."""
        self._wanted = count
        for _ in range(count - len(self._instances)):
            self._tasks.start(self._replace(delay_s=0), f"start of an instance of {self.owner}")

    async def close(self) -> None:
        """Watches no longer and starts nothing any more; instances run on."""
        await self._tasks.cancel()

    def _admit(self, instance: Instance) -> None:
        self._instances.append(instance)
        self._tasks.start(self._watch(instance), f"watch of instance {instance.route.id}")

    async def _start(self) -> Instance:
        return await self._supervisor.start(self.owner, self._spec)

    async def _watch(self, instance: Instance) -> None:
        started = time.monotonic()
        code = await instance.process.wait()
        if instance not in self._instances:
            return
        self._instances.remove(instance)
        limited = self._supervisor.limited(self._spec)
        log.warning(
            "instance %s of %s%s ended unexpectedly (%s)",
            instance.route.id,
            self.owner,
            limited,
            exit_text(code),
        )
        # It has ended; this removes what it left behind.
        await self._supervisor.stop([instance], timeout_ms=0)
        self._backoff.on_end(time.monotonic() - started)
        self._tasks.start(
            self._replace(self._backoff.next_s()), f"restart of an instance of {self.owner}"
        )
        await self._on_change()

    async def _replace(self, delay_s: float) -> None:
        """Starts one instance, again and again until it comes up or is no longer wanted."""
        while True:
            await asyncio.sleep(delay_s)
            if len(self._instances) >= self._wanted:
                return
            try:
                instance = await self._start()
            except TurnoutError as error:
                # It did not come up, or its number could not be stored.
                log.warning("%s", error.message)
                delay_s = self._backoff.next_s()
                continue
            if len(self._instances) >= self._wanted:
                await self._supervisor.stop([instance], timeout_ms=0)
                return
            self._admit(instance)
            await self._on_change()
            return


def _succeeded(task: asyncio.Task[Instance]) -> bool:
    return not task.cancelled() and task.exception() is None
