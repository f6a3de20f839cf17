"""What the daemon's file declares is the file's to change: each verb's refusal says where."""

import json
import os
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from router.testing.turnout import Turnout
from tests.e2e.harness import TURNOUT, WAIT_S
from tests.e2e.test_in_flight import declare

ENDPOINT, DEPLOYMENT = "online-endpoint", "online-deployment"
NAMED = ("-n", "my-endpoint")
BLUE = ("-n", "blue", "-e", "my-endpoint")
# {yaml} is a whole and right file of the deployment.
REFUSED = {
    "change of traffic": (ENDPOINT, "update", *NAMED, "--traffic", "blue=0"),
    "mirroring": (ENDPOINT, "update", *NAMED, "--mirror-traffic", "blue=10"),
    "change of a tag": (ENDPOINT, "update", *NAMED, "--set", "tags.a=b"),
    "deletion of the endpoint": (ENDPOINT, "delete", *NAMED, "--yes"),
    "scaling": (DEPLOYMENT, "update", *BLUE, "--set", "instance_count=2"),
    "change of the deployment": (DEPLOYMENT, "update", *BLUE, "-f", "{yaml}"),
    "new deployment": (DEPLOYMENT, "create", "-n", "green", "-e", "my-endpoint", "-f", "{yaml}"),
    "new deployment for all traffic": (
        DEPLOYMENT, "create", "-n", "green", "-e", "my-endpoint", "-f", "{yaml}", "--all-traffic",
    ),
    "deletion of the deployment": (DEPLOYMENT, "delete", *BLUE, "--yes"),
}  # fmt: skip


@pytest.fixture(scope="module")
def files() -> Iterator[Path]:
    """The files of an endpoint with blue, as the daemon's own file names them."""
    with tempfile.TemporaryDirectory(prefix="tc-") as folder:
        yield Path(folder).resolve()


@pytest.fixture(scope="module")
def daemon(files: Path) -> Iterator[Turnout]:
    """A real one, whose file declares the endpoint second."""
    (files / "first.yml").write_text("name: first-one\nauth_mode: key\n")
    declare(files)
    endpoints = [
        {"endpoint": str(files / "first.yml")},
        {
            "endpoint": str(files / "endpoint.yml"),
            "deployments": [str(files / "blue.yml")],
            "traffic": {"blue": 100},
        },
    ]
    with Turnout({"endpoints": endpoints}) as turnout:
        yield turnout


def typed(daemon: Turnout, *words: str) -> "subprocess.CompletedProcess[str]":
    """The installed `turnout` with these words behind it, ended."""
    return subprocess.run(
        [TURNOUT, *words],
        env={**os.environ, "TURNOUT_CONTROL_PLANE": daemon.url},
        stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=WAIT_S, check=False,
    )  # fmt: skip


def shown(daemon: Turnout) -> list[Any]:
    """The endpoint and its deployments."""
    endpoint = typed(daemon, ENDPOINT, "show", *NAMED)
    deployments = typed(daemon, DEPLOYMENT, "list", "-e", "my-endpoint")
    return [json.loads(one.stdout) for one in (endpoint, deployments)]


def keys(daemon: Turnout) -> Any:
    return json.loads(typed(daemon, ENDPOINT, "get-credentials", *NAMED).stdout)


@pytest.mark.parametrize("words", REFUSED.values(), ids=REFUSED)
def test_a_command_is_refused_with_the_file_and_the_place_that_declare_the_endpoint(
    daemon: Turnout, files: Path, words: tuple[str, ...]
) -> None:
    before = shown(daemon)
    done = typed(daemon, *(word.format(yaml=files / "blue.yml") for word in words))
    assert (done.returncode, done.stdout) == (1, "")
    *_, error = done.stderr.splitlines()
    assert error == (
        f"ERROR: (Conflict) expected a change of endpoint 'my-endpoint' in "
        f"{daemon.folder}/turnout.yml, which declares it at `$.endpoints[1]`, got one from a "
        f"client. Edit that file or those that it names ({files}/endpoint.yml, {files}/blue.yml): "
        f"changes are taken while the daemon runs. Or take the endpoint out of the file: it "
        f"serves on, and commands can change it."
    )
    assert shown(daemon) == before


def test_what_is_no_part_of_the_file_is_for_commands_to_change(daemon: Turnout) -> None:
    before = keys(daemon)
    regenerate = (ENDPOINT, "regenerate-keys", *NAMED, "--key-type", "primary")
    assert typed(daemon, *regenerate).returncode == 0
    assert keys(daemon)["primaryKey"] != before["primaryKey"]
    assert typed(daemon, ENDPOINT, "create", "-n", "another").returncode == 0
    assert typed(daemon, ENDPOINT, "delete", "-n", "another", "--yes").returncode == 0
