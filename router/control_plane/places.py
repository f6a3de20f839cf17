"""A place: room for one instance of a deployment, and how the instances in it have fared."""

import asyncio
import random
import time

from router.control_plane.instances import Instance
from router.core.backoff import Backoff


class Place:
    """One of the instances that are to be, there or not.

    Attributes:
        instance: who has it; None while there is none.
        ready: whether it may get requests; probes say so.
        condemned: why it is being replaced though it runs.
        watch: the task that waits for its end.
        filling: the task that starts an instance for it; maybe over.
        refill: the task that fills it again and again until an instance stays; maybe over.
        is_new: no instance was ever begun for it.
        failure: why the last one that was to have it did not come up; None if it did.
    """

    def __init__(self) -> None:
        self.instance: Instance | None = None
        self.ready = False
        self.condemned: str | None = None
        self.watch: asyncio.Task[None] | None = None
        self.filling: asyncio.Task[None] | None = None
        self.refill: asyncio.Task[None] | None = None
        self.is_new = True
        self.failure: Exception | None = None
        self._warm_since = 0.0
        self._backoff = Backoff()

    @property
    def is_filling(self) -> bool:
        """Whether an instance is being started for it."""
        return self.filling is not None and not self.filling.done()

    @property
    def is_looping(self) -> bool:
        """Whether its instances end again and again as soon as they are there."""
        return self._backoff.is_loop(self._lived_s)

    def take(self, instance: Instance) -> None:
        """The instance is warm, and its."""
        self.instance = instance
        self.ready = instance.was_ready
        self.is_new = False
        self.condemned = None
        self._warm_since = time.monotonic()

    def release(self) -> Instance | None:
        """Whoever has it is another's to look after from now on."""
        instance, self.instance = self.instance, None
        self.ready = False
        if self.watch is not None:
            self.watch.cancel()
        return instance

    def give_up(self) -> None:
        """No instance is wanted any more: one that is being started for it ends."""
        if self.filling is not None:
            self.filling.cancel()

    def condemn(self, why: str) -> None:
        """Ends the instance at once: it would not do so by itself, nor answer."""
        if self.instance is not None and self.condemned is None:
            self.condemned = why
            self.instance.process.kill()

    def on_end(self) -> float:
        """Its instance has ended, or could not be started; in how many seconds to try again."""
        self._backoff.on_end(self._lived_s)
        self.instance = None
        self.ready = False
        return self._backoff.delay_s(random.random())  # noqa: S311 - to spread, not to hide

    @property
    def _lived_s(self) -> float:
        return time.monotonic() - self._warm_since if self.instance is not None else 0.0
