"""Operations that outlast the request that began them, one at a time for each endpoint."""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Coroutine
from contextlib import AbstractContextManager, ExitStack
from typing import Literal

from router.control_plane.records import now
from router.control_plane.tasks import Tasks
from router.core.errors import ResourceNotFound, TurnoutError
from router.core.exclusive import Exclusive

# Finished ones that can still be asked about.
OPERATIONS_MAX = 1000

Kind = Literal["Creating", "Updating", "Deleting"]

log = logging.getLogger(__name__)


class Operation:
    """One operation, running or ended.

    Attributes:
        message: how far it is, for people.
        warnings: what the user should know, though nothing failed.
        error: why it failed.
    """

    def __init__(self, kind: Kind) -> None:
        self.id = str(uuid.uuid4())
        self.kind = kind
        self.message = ""
        self.warnings: list[str] = []
        self.error: TurnoutError | None = None
        self.started_at = now()
        self.ended_at: str | None = None
        self._ended = asyncio.Event()

    @property
    def status(self) -> Literal["Creating", "Updating", "Deleting", "Succeeded", "Failed"]:
        """In the API's words."""
        if self.ended_at is None:
            return self.kind
        return "Succeeded" if self.error is None else "Failed"

    async def wait(self, timeout_s: float) -> None:
        """Returns when it has ended or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._ended.wait()

    async def result(self) -> None:
        """Returns when it has succeeded.

        Raises:
            TurnoutError: it failed.
        """
        await self._ended.wait()
        if self.error is not None:
            raise self.error

    def say(self, message: str) -> None:
        """Tells how far it is."""
        self.message = message

    def end(self, error: TurnoutError | None) -> None:
        """Marks it as ended, once."""
        assert self.ended_at is None, "ended twice"
        self.error = error
        self.ended_at = now()
        self._ended.set()


class Operations:
    """All operations of a control plane."""

    def __init__(self) -> None:
        self._operations: dict[str, Operation] = {}
        self._exclusive = Exclusive()
        self._tasks = Tasks()

    def get(self, operation_id: str) -> Operation:
        """The operation of this id.

        Raises:
            ResourceNotFound: there is none, or it ended long ago or in an earlier daemon.
        """
        operation = self._operations.get(operation_id)
        if operation is None:
            raise ResourceNotFound(
                f"expected the id of an operation of this daemon, got {operation_id!r}. The "
                f"resource's provisioningState says how it ended."
            )
        return operation

    def exclusive(self, endpoint_name: str, kind: Kind) -> AbstractContextManager[None]:
        """Keeps other operations off the endpoint meanwhile.

        Raises:
            Conflict: another one runs.
        """
        return self._exclusive.on(endpoint_name, kind)

    def start(
        self, operation: Operation, work: Coroutine[object, object, None], until: ExitStack
    ) -> Operation:
        """Runs ``work`` as the operation, takes over ``until`` and closes it at the end."""
        self._operations[operation.id] = operation
        self._forget_oldest()
        name = f"operation {operation.id}"
        self._tasks.start(_run(operation, work, until.pop_all()), name)
        return operation

    async def cancel(self) -> None:
        """Breaks off what runs, for a later control plane to take up."""
        await self._tasks.cancel()

    def _forget_oldest(self) -> None:
        ended = [o.id for o in self._operations.values() if o.ended_at is not None]
        for operation_id in ended[: max(len(self._operations) - OPERATIONS_MAX, 0)]:
            del self._operations[operation_id]


async def _run(
    operation: Operation, work: Coroutine[object, object, None], until: ExitStack
) -> None:
    error: TurnoutError | None = None
    try:
        with until:
            await work
    except TurnoutError as raised:
        error = raised
    except Exception as raised:
        log.exception("operation %s failed", operation.id)
        error = TurnoutError(f"{type(raised).__name__}: {raised}. The daemon's log says more.")
    operation.end(error)
