"""Operations of which the disk did not take how they ended, and deletions that stopped halfway."""

from collections.abc import Iterator

import pytest

from router.control_plane.operations import Operation, Operations
from router.control_plane.records import StoredOperation
from router.control_plane.store import IN_MEMORY, Store
from router.core.errors import StorageFailed
from tests.control_plane.conftest import StartDaemon
from tests.control_plane.daemon import Client

# The first deletion of an endpoint finds the disk full at its very end.
NO_ROOM_TO_FORGET_IT = """
from router.control_plane.store import Store
from router.core.errors import StorageFailed
delete = Store.delete_endpoint
def full(self, name):
    Store.delete_endpoint = delete
    raise StorageFailed("the disk is full")
Store.delete_endpoint = full
"""


class Full(Store):
    """Takes no operation while it is full."""

    is_full = True

    def save_operation(self, operation: StoredOperation) -> None:
        if self.is_full:
            raise StorageFailed("the disk is full")
        super().save_operation(operation)


@pytest.fixture
def store() -> Iterator[Full]:
    opened = Full.open(IN_MEMORY)
    assert isinstance(opened, Full)
    yield opened
    opened.close()


@pytest.fixture
def ended(store: Full) -> Operation:
    """One that is stored as accepted, and whose end is not stored."""
    operation = Operation.new("Deleting", "my-endpoint")
    store.is_full = False
    store.save_operation(operation.record)
    store.is_full = True
    return operation


def test_an_end_is_stored_before_anything_else_changes_the_endpoint(
    store: Full, ended: Operation
) -> None:
    operations = Operations(store)
    operations.end(ended, None)
    assert operations.get(ended.record.id).status == "Succeeded"
    with pytest.raises(StorageFailed), operations.exclusive("my-endpoint", "Updating"):
        pytest.fail("a later control plane would delete what is changed now")
    with operations.exclusive("another", "Updating"):
        pass
    assert len(operations.unfinished()) == 1
    store.is_full = False
    with operations.exclusive("my-endpoint", "Updating"):
        assert operations.unfinished() == []
    assert operations.get(ended.record.id).status == "Succeeded"


async def test_an_endpoint_that_is_half_deleted_is_refused_until_it_is_deleted(
    start_daemon: StartDaemon,
) -> None:
    daemon = start_daemon()
    daemon.kill()
    daemon.first = NO_ROOM_TO_FORGET_IT
    daemon.restart()
    async with Client(daemon) as client:
        code = daemon.code("code")
        await client.serve("my-endpoint", "blue", code)
        done = await client.finish(await client.call("DELETE", "my-endpoint"))
        assert done.body["status"] == "Failed"
        for refused in (
            await client.call("PUT", "my-endpoint", {"properties": {}}),
            await client.put_deployment("my-endpoint", "blue", code),
        ):
            assert refused.status == 409
            assert "turnout ml online-endpoint delete --name my-endpoint" in refused.message
        done = await client.finish(await client.call("DELETE", "my-endpoint"))
        assert done.body["status"] == "Succeeded"
        await client.serve("my-endpoint", "blue", code)
        assert (await client.score("my-endpoint")).status == 200
