"""The watch over instances that owe answers: who hangs is replaced.

Health checks don't see everything, and may be slow on purpose; what clients see, workers count.
When an instance hangs is core/probing.py's to say.
"""

import asyncio
import logging

from router.control_plane.provisioning import Provisioner
from router.control_plane.tasks import Tasks
from router.control_plane.workers import Workers

POLL_S = 2.0

log = logging.getLogger(__name__)


class HungWatch:
    """Polls until it is closed. Workers must be running."""

    def __init__(self, workers: Workers, provisioner: Provisioner) -> None:
        self._workers = workers
        self._provisioner = provisioner
        self._tasks = Tasks()

    def start(self) -> None:
        """Begins."""
        self._tasks.start(self._run(), "watch over hung instances")

    async def close(self) -> None:
        """Polls no more."""
        await self._tasks.cancel()

    async def _run(self) -> None:
        while True:
            await asyncio.sleep(POLL_S)
            try:
                self._provisioner.replace_hung(await self._workers.instances())
            except Exception:
                # A worker that is being restarted; the next poll will do.
                log.exception("what instances owe could not be read")
