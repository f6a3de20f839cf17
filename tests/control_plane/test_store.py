"""The store: what was saved is there again, whatever happened to the process."""

import os
import signal
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from router.control_plane.records import declared_deployment, declared_endpoint
from router.control_plane.store import IN_MEMORY, Store
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import TurnoutError

ENDPOINT = declared_endpoint(EndpointSpec(name="my-endpoint", tags={"a": "b"}), None)
DEPLOYMENT = declared_deployment(
    DeploymentSpec(
        name="blue",
        endpoint_name="my-endpoint",
        code_configuration=CodeConfiguration(code="/code", scoring_script="score.py"),
    ),
    None,
)
SAVE_AND_DIE = """
import os, signal, sys, pathlib
from router.control_plane.store import Store
store = Store.open(pathlib.Path(sys.argv[1]))
print(store.next("instance"), flush=True)
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_what_was_saved_is_there_after_opening_again(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    store.save_endpoint(ENDPOINT)
    store.save_deployment(DEPLOYMENT)
    store.save_declaration("my-endpoint", "print")
    store.close()
    store = Store.open(path)
    assert store.endpoints() == [ENDPOINT]
    assert store.endpoint("my-endpoint") == ENDPOINT
    assert store.deployments("my-endpoint") == [DEPLOYMENT]
    assert store.everything() == [(ENDPOINT, [DEPLOYMENT])]
    assert store.deployment("my-endpoint", "blue") == DEPLOYMENT
    assert store.declaration("my-endpoint") == "print"
    store.close()


def test_deleting_an_endpoint_deletes_all_that_belongs_to_it() -> None:
    store = Store.open(IN_MEMORY)
    store.save_endpoint(ENDPOINT)
    store.save_deployment(DEPLOYMENT)
    store.save_declaration("my-endpoint", "print")
    store.delete_endpoint("my-endpoint")
    assert store.endpoint("my-endpoint") is None
    assert store.deployment("my-endpoint", "blue") is None
    assert store.declaration("my-endpoint") is None
    store.close()


def test_a_number_is_never_given_twice_even_across_a_kill(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    given = []
    for _ in range(3):
        died = subprocess.run(
            [sys.executable, "-c", SAVE_AND_DIE, str(path)],
            stdout=subprocess.PIPE, text=True, check=False,
        )  # fmt: skip
        assert died.returncode == -signal.SIGKILL
        given.append(int(died.stdout))
    assert given == [1, 2, 3]


def test_the_file_is_for_its_owner_only(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    before = os.umask(0)
    try:
        Store.open(path).close()
    finally:
        os.umask(before)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_file_that_is_no_store_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"not a database, but long enough to be looked at" * 100)
    before = path.read_bytes()
    with pytest.raises(TurnoutError, match="expected a SQLite file of turnout"):
        Store.open(path)
    assert path.read_bytes() == before


def test_a_store_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    store = Store.open(path)
    store._db.execute("PRAGMA user_version = 99")
    store.close()
    with pytest.raises(TurnoutError, match="got version 99"):
        Store.open(path)
