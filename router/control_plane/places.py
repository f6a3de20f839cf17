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
    """

    def __init__(self) -> None:
        self.instance: Instance | None = None
        self.ready = False
        self.condemned: str | None = None
        self.watch: asyncio.Task[None] | None = None
        self._warm_since = 0.0
        self._backoff = Backoff()

    @property
    def is_looping(self) -> bool:
        """Whether its instances end again and again as soon as they are there."""
        return self._backoff.is_loop(self._lived_s)

    def take(self, instance: Instance) -> None:
        """The instance is warm, and its."""
        self.instance = instance
        self.ready = True
        self.condemned = None
        self._warm_since = time.monotonic()

    def release(self) -> Instance | None:
        """Whoever has it is another's to look after from now on."""
        instance, self.instance = self.instance, None
        self.ready = False
        if self.watch is not None:
            self.watch.cancel()
        return instance

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
