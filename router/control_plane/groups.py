"""A group: the instances of one revision of a deployment, kept at the wanted number.

An instance that ends, or has to because its probe failed or a request hangs in it, gives way
to another one, later each time (core/backoff.py). Who may see the group's instances is
decided elsewhere: its owner is told of each change.
"""

import asyncio
import itertools
import logging
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Mapping
from functools import partial

from router.control_plane.health import exit_text
from router.control_plane.instances import Instance, InstanceOwner, Supervisor, note_ready
from router.control_plane.places import Place
from router.control_plane.probes import probe
from router.control_plane.tasks import Tasks
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import TurnoutError
from router.core.instances_state import InstancesState, instances_state
from router.core.letting_go import instances_to_let_go
from router.core.probing import is_hung, readiness
from router.core.routing import InstanceRoute

log = logging.getLogger(__name__)


class InstanceGroup:
    """Instances of one revision.

    Args:
        on_change: awaited after an instance was lost, replaced, or became ready or not; not for
            what ``grow`` and ``shrink`` did themselves.

    Attributes:
        restarts: how many were started in place of another that ended or did not come up.
    """

    def __init__(
        self,
        supervisor: Supervisor,
        owner: InstanceOwner,
        spec: DeploymentSpec,
        on_change: Callable[[], Coroutine[object, object, None]],
    ) -> None:
        self.owner = owner
        self.restarts = 0
        self._supervisor = supervisor
        self._spec = spec
        self._on_change = on_change
        self._places: list[Place] = []
        self._last_error: str | None = None
        self._tasks = Tasks()

    @property
    def wanted(self) -> int:
        """How many instances there are to be."""
        return len(self._places)

    @property
    def instances(self) -> list[Instance]:
        """Those that are warm, ready or not."""
        return [place.instance for place in self._places if place.instance is not None]

    @property
    def routes(self) -> tuple[InstanceRoute, ...]:
        """Those that may get requests, as workers know them."""
        return tuple(
            place.instance.route
            for place in self._places
            if place.instance is not None and place.ready
        )

    @property
    def state(self) -> InstancesState:
        """How they fare."""
        loops = any(place.is_looping for place in self._places)
        return instances_state(
            self.wanted, len(self.routes), self.restarts, self._last_error, loops=loops
        )

    def adopt(self, instances: Iterable[Instance]) -> None:
        """Takes up instances of this revision that have been warm."""
        for instance in instances:
            self._admit(self._new_place(), instance)

    def await_warm(self, instances: Iterable[Instance]) -> None:
        """Takes up instances of this revision that run; each has its place and gets warm later."""
        for instance in instances:
            place = self._new_place()
            self._fill_soon(place, partial(self._supervisor.resume, instance, self._spec))
            self._refill_soon(place)

    async def grow(self, count: int, on_ready: Callable[[int], None]) -> None:
        """Starts what is missing to ``count`` instances; all of it, or nothing.

        Those that are being started for a place already are waited for, not started again.

        Args:
            on_ready: told how many there are, each time another one is warm.

        Raises:
            TurnoutError: one did not come up. There are to be as many as before.
        """
        present = len(self.instances)
        on_ready(present)
        missing = max(count - present, 0)
        filled = [asyncio.create_task(self._filled(place)) for place in self._empty[:missing]]
        added = [asyncio.create_task(self._start()) for _ in range(missing - len(filled))]
        ready = itertools.count(present + 1)
        try:
            for start in asyncio.as_completed([*filled, *added]):
                await start
                on_ready(next(ready))
        except BaseException:
            await self._break_off(filled, added)
            raise
        for task in added:
            self._admit(self._new_place(), task.result())

    def shrink(self, count: int, outstanding: Mapping[str, int]) -> list[Instance]:
        """Lets go of what is over ``count``; they run on, for the caller to stop.

        Args:
            outstanding: how many requests each instance holds; the least loaded go.
        """
        # By age, which the order of the places is not: one of them may have a new instance.
        ids = [one.route.id for one in sorted(self.instances, key=lambda one: one.number)]
        empty = self._empty
        over = max(len(self._places) - count, 0)
        # Who has been starting for longest may be there first.
        for place in empty[::-1][:over]:
            self._places.remove(place)
            place.give_up()
        ready = [route.id for route in self.routes]
        going = instances_to_let_go(ids, ready, outstanding, over - len(empty))
        leaving = [p for p in self._places if p.instance and p.instance.route.id in going]
        self._places = [place for place in self._places if place not in leaving]
        return [instance for place in leaving if (instance := place.release()) is not None]

    def follow(self, spec: DeploymentSpec) -> None:
        """Goes by a spec that differs in its probes and limits only."""
        self._spec = spec
        for place in self._places:
            if place.instance is not None and place.watch is not None:
                place.watch.cancel()
                self._watch_soon(place, place.instance)

    def keep(self, count: int) -> None:
        """Sees to it that there will be ``count`` instances, without waiting for them."""
        for _ in range(count - len(self._places)):
            self._refill_soon(self._new_place())

    def replace_hung(self, overdue_ms: Mapping[str, int]) -> None:
        """Ends those that neither answer nor end; others take their places.

        Args:
            overdue_ms: of instances, how long ago the deadline passed of what they still owe.
        """
        timeout_ms = self._spec.request_settings.request_timeout_ms
        for place in self._places:
            if place.instance is None:
                continue
            late_ms = overdue_ms.get(place.instance.route.id, 0)
            if is_hung(late_ms, timeout_ms):
                place.condemn(f"It owed an answer {late_ms / 1000:.0f} s after its deadline")

    async def close(self) -> None:
        """Watches no longer and starts nothing any more; instances run on."""
        await self._tasks.cancel()

    @property
    def _empty(self) -> list[Place]:
        """Places without an instance; those first that will have one soonest."""
        empty = [place for place in self._places if place.instance is None]
        return sorted(empty, key=lambda place: not place.is_filling)

    def _new_place(self) -> Place:
        place = Place()
        self._places.append(place)
        return place

    def _admit(self, place: Place, instance: Instance) -> None:
        place.take(instance)
        self._watch_soon(place, instance)

    def _watch_soon(self, place: Place, instance: Instance) -> None:
        name = f"watch of instance {instance.route.id}"
        place.watch = self._tasks.start(self._watch(place, instance), name)

    async def _start(self) -> Instance:
        return await self._supervisor.start(self.owner, self._spec)

    async def _watch(self, place: Place, instance: Instance) -> None:
        ready = readiness(self._spec.readiness_probe, ready=place.ready)

        def on_readiness(wrong: str) -> None:
            place.ready = ready.healthy
            note_ready(instance, ready=place.ready)
            self._on_readiness(instance, wrong)

        probing = asyncio.create_task(probe(instance.route.target, self._spec, ready, on_readiness))
        exited = asyncio.create_task(instance.process.wait())
        try:
            await asyncio.wait({probing, exited}, return_when=asyncio.FIRST_COMPLETED)
            if not exited.done():
                place.condemn(f"Liveness probe failed: {probing.result()}")
            code = await exited
        finally:
            probing.cancel()
            exited.cancel()
            await asyncio.wait({probing, exited})
        await self._on_end(place, instance, code)

    def _on_readiness(self, instance: Instance, wrong: str) -> None:
        if wrong:
            self._last_error = (
                f"instance {instance.route.id} of {self.owner} gets no requests. Readiness probe "
                f"failed: {wrong}"
            )
            log.warning("%s", self._last_error)
        else:
            log.info("instance %s of %s is ready again", instance.route.id, self.owner)
        self._tasks.start(self._on_change(), f"readiness of instance {instance.route.id}")

    async def _on_end(self, place: Place, instance: Instance, code: int | None) -> None:
        how = f"ended unexpectedly ({exit_text(code)})"
        if place.condemned is not None:
            how = f"was replaced. {place.condemned}"
        delay_s = place.on_end()
        limited = self._supervisor.limited(self._spec)
        what = f"instance {instance.route.id} of {self.owner}{limited} {how}"
        log.warning("%s; another is started in %.2f s", what, delay_s)
        self._last_error = what
        self._refill_soon(place, delay_s)
        # It has ended; this removes what it left behind.
        await self._supervisor.stop([instance], timeout_ms=0)
        self._last_error = f"{what}. {await self._supervisor.last_words(instance)}"
        await self._on_change()

    def _refill_soon(self, place: Place, delay_s: float = 0.0) -> None:
        # One that still waits for its delay would try beside this one, if the place was taken
        # and lost meanwhile.
        if place.refill is not None:
            place.refill.cancel()
        work = self._refill(place, delay_s)
        place.refill = self._tasks.start(work, f"start of an instance of {self.owner}")

    async def _refill(self, place: Place, delay_s: float) -> None:
        """Starts one instance, again and again until it comes up or is no longer wanted."""
        while True:
            await asyncio.sleep(delay_s)
            if not self._is_empty(place):
                return
            await asyncio.wait({self._fill_soon(place, self._start)})
            if place.failure is None:
                return
            delay_s = place.on_end()
            log.warning("%s\nanother is started in %.2f s", place.failure, delay_s)

    def _fill_soon(
        self, place: Place, start: Callable[[], Awaitable[Instance]]
    ) -> asyncio.Task[None]:
        """Gives the place an instance; the task is that of whoever began to."""
        if place.filling is None or place.filling.done():
            self.restarts += not place.is_new
            place.is_new = False
            name = f"an instance for {self.owner}"
            place.filling = self._tasks.start(self._fill(place, start), name)
        return place.filling

    async def _fill(self, place: Place, start: Callable[[], Awaitable[Instance]]) -> None:
        place.failure = None
        try:
            instance = await start()
        except Exception as error:
            # It did not come up, or its number could not be stored.
            place.failure = error
            self._last_error = str(error)
            if not isinstance(error, TurnoutError):
                log.exception("no instance of %s could be started", self.owner)
            return
        if not self._is_empty(place):
            await self._supervisor.stop([instance], timeout_ms=0)
            return
        self._admit(place, instance)
        self._tasks.start(self._on_change(), f"routing to instance {instance.route.id}")

    async def _filled(self, place: Place) -> None:
        """Returns when the place, which is empty, has an instance.

        Raises:
            TurnoutError: the one that is being started for it, or is now, did not come up.
        """
        await asyncio.wait({self._fill_soon(place, self._start)})
        if place.failure is not None:
            raise place.failure

    async def _break_off(
        self, filled: list[asyncio.Task[None]], added: list[asyncio.Task[Instance]]
    ) -> None:
        """Ends what was to be added; places are filled all the same."""
        tasks = [*filled, *added]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        done = [task.result() for task in added if _succeeded(task)]
        await self._supervisor.stop(done, timeout_ms=0)

    def _is_empty(self, place: Place) -> bool:
        return place in self._places and place.instance is None


def _succeeded(task: asyncio.Task[Instance]) -> bool:
    return not task.cancelled() and task.exception() is None
