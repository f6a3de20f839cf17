"""Operations that outlast the request that began them, one at a time for each endpoint.

What was accepted is in the store before the client hears of it, and so is how it ended: the
next control plane goes on with what a former one had begun, and answers polls of either
(invariant 11). What an operation does is its caller's.
"""

import asyncio
import contextlib
import logging
import uuid
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import AbstractContextManager, ExitStack

from msgspec.structs import replace

from router.control_plane.records import (
    OperationError,
    OperationKind,
    OperationStatus,
    StoredOperation,
    now,
)
from router.control_plane.store import Store
from router.control_plane.tasks import Tasks
from router.core.errors import ResourceNotFound, StorageFailed, TurnoutError
from router.core.exclusive import Exclusive

# Ended ones that can still be asked about.
OPERATIONS_MAX = 1000

log = logging.getLogger(__name__)


class Operation:
    """One operation, running or ended.

    Attributes:
        record: what the store keeps of it.
    """

    def __init__(self, record: StoredOperation) -> None:
        self.record = record
        self._error: TurnoutError | None = None
        self._ended = asyncio.Event()
        if record.ended_at is not None:
            self._ended.set()

    @classmethod
    def new(
        cls,
        kind: OperationKind,
        endpoint: str,
        deployment: str | None = None,
        warnings: Sequence[str] = (),
    ) -> "Operation":
        """One that begins now; arguments as StoredOperation's attributes."""
        record = StoredOperation(
            id=str(uuid.uuid4()),
            kind=kind,
            endpoint=endpoint,
            deployment=deployment,
            started_at=now(),
            warnings=tuple(warnings),
        )
        return cls(record)

    @property
    def status(self) -> OperationStatus:
        """In the API's words."""
        return self.record.status

    async def ended(self) -> None:
        """Returns when it has ended."""
        await self._ended.wait()

    async def wait(self, timeout_s: float) -> None:
        """Returns when it has ended or the time is over."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.ended()

    async def result(self) -> None:
        """Returns when it has succeeded.

        Raises:
            TurnoutError: it failed.
        """
        await self.ended()
        if self._error is not None:
            raise self._error
        assert self.record.error is None, "asked of one that ended in a former control plane"

    def say(self, message: str) -> None:
        """Tells how far it is, for people."""
        self.record = replace(self.record, message=message)

    def warn(self, warning: str) -> None:
        """Tells what the user should know, though nothing failed; the same thing once."""
        if warning not in self.record.warnings:
            self.record = replace(self.record, warnings=(*self.record.warnings, warning))

    def end(self, error: TurnoutError | None) -> None:
        """Marks it as ended, once."""
        assert self.record.ended_at is None, "ended twice"
        self._error = error
        told = OperationError(error.code, error.message) if error is not None else None
        self.record = replace(self.record, error=told, ended_at=now())
        self._ended.set()


class Operations:
    """All operations of a control plane."""

    def __init__(self, store: Store) -> None:
        self._store = store
        # And those of which the disk has not taken how they ended.
        self._running: dict[str, Operation] = {}
        self._exclusive = Exclusive()
        self._freed: dict[str, asyncio.Event] = {}
        self._tasks = Tasks()

    def get(self, operation_id: str) -> Operation:
        """The operation of this id.

        Raises:
            ResourceNotFound: there is none, or it ended long ago.
        """
        if (running := self._running.get(operation_id)) is not None:
            return running
        record = self._store.operation(operation_id)
        if record is None:
            raise ResourceNotFound(
                f"expected the id of an operation, of the last {OPERATIONS_MAX}, got "
                f"{operation_id!r}. The resource's provisioningState says how it ended."
            )
        return Operation(record)

    def unfinished(self) -> list[Operation]:
        """What a former control plane had accepted and not ended; at most one an endpoint."""
        return [Operation(record) for record in self._store.unfinished_operations()]

    def exclusive(self, endpoint_name: str, kind: OperationKind) -> AbstractContextManager[None]:
        """Keeps other operations off the endpoint meanwhile.

        Raises:
            Conflict: another one runs.
            StorageFailed: how the one before ended can't be stored yet. A later control plane
                would go on with it, over what this one changes.
        """
        return self._exclusive_on(endpoint_name, kind)

    async def until_free(self, endpoint_name: str) -> None:
        """Returns when nothing runs on the endpoint; until the caller waits again, nothing does."""
        while (freed := self._freed.get(endpoint_name)) is not None:
            await freed.wait()

    def start(
        self, operation: Operation, work: Coroutine[object, object, None], until: ExitStack
    ) -> Operation:
        """Runs ``work`` as the operation, which is stored; closes ``until`` at the end."""
        self._running[operation.record.id] = operation
        name = f"operation {operation.record.id}"
        self._tasks.start(self._run(operation, work, until.pop_all()), name)
        return operation

    def end(self, operation: Operation, error: TurnoutError | None) -> None:
        """Notes how it ended: on disk now, or before anything else changes its endpoint."""
        operation.end(error)
        self._running[operation.record.id] = operation
        try:
            self._store_end(operation)
        except StorageFailed as failed:
            # Polls find it among those that run here.
            log.warning("how operation %s ended is not stored: %s", operation.record.id, failed)

    async def cancel(self) -> None:
        """Breaks off what runs, for a later control plane to take up."""
        await self._tasks.cancel()

    @contextlib.contextmanager
    def _exclusive_on(self, endpoint_name: str, kind: OperationKind) -> Iterator[None]:
        with self._exclusive.on(endpoint_name, kind):
            for operation in list(self._running.values()):
                if operation.record.endpoint == endpoint_name and operation.record.ended_at:
                    self._store_end(operation)
            freed = self._freed[endpoint_name] = asyncio.Event()
            try:
                yield
            finally:
                del self._freed[endpoint_name]
                freed.set()

    async def _run(
        self, operation: Operation, work: Coroutine[object, object, None], until: ExitStack
    ) -> None:
        error: TurnoutError | None = None
        try:
            with until:
                await work
        except TurnoutError as raised:
            error = raised
        except Exception as raised:
            log.exception("operation %s failed", operation.record.id)
            error = TurnoutError(f"{type(raised).__name__}: {raised}. The daemon's log says more.")
        self.end(operation, error)

    def _store_end(self, operation: Operation) -> None:
        self._store.save_operation(operation.record)
        del self._running[operation.record.id]
        self._store.forget_operations(keep=OPERATIONS_MAX)
