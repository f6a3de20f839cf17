"""A real daemon, a real model, and the command line in this process."""

import os
import shutil
import tempfile
import uuid
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from click.testing import CliRunner, Result

from router.cli.main import cli
from router.testing import TurnoutFactory

UNREACHABLE = "http://127.0.0.1:1"

SCORE = """\
import logging

def init():
    pass

def run(raw_data):
    logging.info("scored")
    return [0.5, 0.5]
"""

Run = Callable[..., Result]


@pytest.fixture
def folder() -> Iterator[Path]:
    """A short temporary folder, for there are sockets in it."""
    path = Path(tempfile.mkdtemp(prefix="tc-"))
    yield path.resolve()
    shutil.rmtree(path)


@pytest.fixture
def offline() -> Run:
    """The command line with no daemon to talk to: whatever works needs none."""
    return runner(UNREACHABLE)


@pytest.fixture(scope="session")
def daemon_url(turnout_factory: TurnoutFactory) -> str:
    """The control plane of a daemon that all these tests share."""
    return turnout_factory.start().url


@pytest.fixture
def run(daemon_url: str) -> Run:
    """The command line with that daemon; takes the words after `turnout`."""
    return runner(daemon_url)


@pytest.fixture
def endpoint(run: Run) -> Iterator[str]:
    """A new endpoint without deployments."""
    name = f"e{uuid.uuid4().hex[:12]}"
    assert run("online-endpoint", "create", "-n", name).exit_code == 0
    yield name
    # It may be gone already: that was the test.
    run("online-endpoint", "delete", "-n", name, "--yes")


@pytest.fixture
def blue_yaml(folder: Path) -> Path:
    """A deployment's file with its model and its script beside it."""
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCORE)
    (folder / "model.txt").write_text("weights")
    path = folder / "blue.yml"
    path.write_text(
        yaml.safe_dump(
            {
                "name": "blue",
                "model": {"path": "model.txt"},
                "code_configuration": {"code": "code/", "scoring_script": "score.py"},
                "instance_type": "Standard_DS3_v2",
            }
        )
    )
    return path


@pytest.fixture
def blue(run: Run, endpoint: str, blue_yaml: Path) -> str:
    """The endpoint once blue has all its traffic."""
    created = run(
        "online-deployment", "create", "-e", endpoint, "-f", str(blue_yaml), "--all-traffic"
    )
    assert created.exit_code == 0, created.stderr
    return endpoint


def runner(url: str) -> Run:
    """The command line with the daemon at an address; takes the words after `turnout`."""

    def run(*words: str) -> Result:
        environment = {**os.environ, "TURNOUT_CONTROL_PLANE": url}
        return CliRunner().invoke(cli, words, env=environment, prog_name="turnout")

    return run
