"""Workers that a former control plane left: found, connected to, and their sockets borrowed."""

import asyncio
import logging
import socket
from typing import NamedTuple

from router.control_plane.layout import StateFolder
from router.control_plane.processes import kill_strays
from router.control_plane.queues import is_same
from router.control_plane.worker_link import WorkerLost
from router.control_plane.worker_process import REPLY_TIMEOUT_S, WORKER_MODULE, WorkerProcess
from router.core.config import DataPlaneSettings

log = logging.getLogger(__name__)


class FoundWorker(NamedTuple):
    """A worker that runs and takes commands.

    Attributes:
        generation: of the newest routing that it was given.
        listener: what it listens on; None if it was told to stop.
    """

    worker: WorkerProcess
    generation: int
    listener: socket.socket | None

    def has_port(self, port: int) -> bool:
        """Whether it may listen on this one; an older version's may on any."""
        return self.worker.address is None or self.worker.address.port == port


async def find_workers(folder: StateFolder) -> list[FoundWorker]:
    """All that run, by number; one that does not answer is ended."""
    numbers = sorted(int(path.stem.removeprefix("w")) for path in folder.worker_records())
    workers = [w for number in numbers if (w := WorkerProcess.find(folder, number)) is not None]
    kill_strays(WORKER_MODULE, folder.run, {worker.process.pid for worker in workers})
    found = await asyncio.gather(*(_take_up(worker) for worker in workers))
    return [one for one in found if one is not None]


def choose(
    found: list[FoundWorker], settings: DataPlaneSettings
) -> tuple[list[tuple[WorkerProcess, socket.socket]], list[FoundWorker]]:
    """Those that go on, one for each socket and no more than are wanted, and those that leave."""
    kept: list[tuple[WorkerProcess, socket.socket]] = []
    leaving = []
    for one in found:
        worker, _, listener = one
        address = worker.address
        if (
            listener is not None
            and address is not None
            and address.host == settings.host
            and settings.port in {0, address.port}
            and len(kept) < settings.workers
            and not any(is_same(listener, other) for _, other in kept)
        ):
            kept.append((worker, listener))
        else:
            leaving.append(one)
    return kept, leaving


async def _take_up(worker: WorkerProcess) -> FoundWorker | None:
    try:
        await worker.connect()
        given = (await worker.ping(REPLY_TIMEOUT_S)).generation
        in_force = (await worker.statistics()).statistics.generation
        return FoundWorker(worker, max(given, in_force), await worker.borrow_listener())
    except WorkerLost as error:
        log.error("worker %d is ended: %s", worker.number, error)  # noqa: TRY400
        await worker.kill()
        return None
