"""Shell completion: verbs, flags, and the names that the daemon knows."""

import os
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.conftest import UNREACHABLE, Run

TIMEOUT_S = 60


def completed(line: str, url: str = UNREACHABLE) -> list[str]:
    """What bash is told when the Tab key is hit at the line's end; it must be told nothing else."""
    environment = {
        **os.environ,
        "_TURNOUT_COMPLETE": "bash_complete",
        "COMP_WORDS": line,
        "COMP_CWORD": str(len(line.split(" ")) - 1),
        "TURNOUT_CONTROL_PLANE": url,
    }
    program = Path(sys.executable).parent / "turnout"
    done = subprocess.run(
        [program], env=environment, capture_output=True, text=True, check=False, timeout=TIMEOUT_S
    )
    assert (done.stderr, done.returncode) == ("", 0)
    return [line.removeprefix("plain,") for line in done.stdout.split()]


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_shell_gets_its_completion_script(offline: Run, shell: str) -> None:
    result = offline("completion", shell)
    assert result.exit_code == 0
    assert "_TURNOUT_COMPLETE" in result.stdout


def test_a_shell_completes_verbs() -> None:
    assert completed("turnout ml online-endpoint get-") == ["get-credentials"]


@pytest.mark.parametrize(
    "line",
    [
        "turnout ml online-endpoint show -n {start}",
        "turnout online-endpoint update --name {start}",
        "turnout online-deployment list -e {start}",
        "turnout online-deployment create --endpoint-name {start}",
    ],
)
def test_a_shell_completes_names_of_endpoints(daemon_url: str, endpoint: str, line: str) -> None:
    assert completed(line.format(start=endpoint[:-1].upper()), daemon_url) == [endpoint]


@pytest.mark.parametrize(
    ("line", "names"),
    [
        ("turnout online-deployment show -e {e} -n ", ["blue"]),
        ("turnout online-deployment delete --endpoint {e} --name b", ["blue"]),
        ("turnout online-endpoint invoke -n {e} -d ", ["blue"]),
        ("turnout online-deployment show -e {e} -n green", []),
        ("turnout online-deployment show -e nobody -n ", []),
        ("turnout online-deployment show -n ", []),
    ],
)
def test_a_shell_completes_names_of_an_endpoints_deployments(
    daemon_url: str, blue: str, line: str, names: list[str]
) -> None:
    assert completed(line.format(e=blue), daemon_url) == names


def test_an_unreachable_daemon_completes_nothing_and_says_nothing() -> None:
    assert completed("turnout online-endpoint show -n ") == []


def test_a_daemon_that_does_not_answer_is_not_waited_for() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        assert completed("turnout online-endpoint show -n ", url) == []


def test_a_wrong_line_completes_without_a_complaint() -> None:
    assert completed("turnout online-endpoint update --re x -n ") == []
