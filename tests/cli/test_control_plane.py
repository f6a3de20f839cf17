"""How the command behaves towards a control plane that is slow, failing or none at all."""

import json
import os
import pty
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from router.cli.control_plane import ControlPlane, Reply
from router.cli.errors import CommandFailed
from router.cli.operations import OPERATION_HEADER, wait
from tests.cli.conftest import UNREACHABLE, Run

TIMEOUT_S = 30
Serve = Callable[[list[tuple[int, str]]], str]


@pytest.fixture
def serve() -> Iterator[Serve]:
    """Starts a server that gives these answers (status, body) in turn; returns its address."""
    with ExitStack() as until:

        def start(answers: list[tuple[int, str]]) -> str:
            class Handler(BaseHTTPRequestHandler):
                def do_GET(self) -> None:
                    status, body = answers.pop(0)
                    self.send_response(status)
                    self.end_headers()
                    self.wfile.write(body.encode())

                def log_message(self, format: str, *args: Any) -> None:  # noqa: A002
                    pass

            server = until.enter_context(ThreadingHTTPServer(("127.0.0.1", 0), Handler))
            thread = threading.Thread(target=server.serve_forever)
            thread.start()
            until.callback(thread.join)
            until.callback(server.shutdown)
            return f"http://127.0.0.1:{server.server_port}"

        yield start


def status(name: str, message: str = "", **more: Any) -> tuple[int, str]:
    return 200, json.dumps({"status": name, "properties": {"message": message}, **more})


def operation_at(url: str) -> Reply:
    return Reply(201, {OPERATION_HEADER: f"{url}/operation"}, None)


def test_progress_is_told_on_stderr_once_for_each_news(
    serve: Serve, capsys: pytest.CaptureFixture[str]
) -> None:
    url = serve(
        [
            status("Creating", "0 of 2 instances ready"),
            status("Creating", "0 of 2 instances ready"),
            status("Creating", "1 of 2 instances ready"),
            status("Succeeded"),
        ]
    )
    plane = ControlPlane(url)
    wait(plane, operation_at(url), "Creating deployment blue")
    plane.close()
    told = capsys.readouterr()
    assert told.err == (
        "Creating deployment blue: 0 of 2 instances ready\n"
        "Creating deployment blue: 1 of 2 instances ready\n"
    )
    assert told.out == ""


def test_a_failed_operation_ends_the_command_with_its_error(serve: Serve) -> None:
    error = {"code": "DeploymentFailed", "message": "init() raised"}
    url = serve([status("Creating"), status("Failed", error=error)])
    plane = ControlPlane(url)
    with pytest.raises(CommandFailed) as failed:
        wait(plane, operation_at(url), "Creating deployment blue")
    plane.close()
    assert failed.value.message == "(DeploymentFailed) init() raised"


def test_an_answer_without_an_operation_is_not_waited_for() -> None:
    wait(ControlPlane(UNREACHABLE), Reply(200, {}, None), "Updating")


@pytest.mark.parametrize(
    "answer", [(200, "<html>"), (404, "not here"), (500, '{"message": "odd"}')]
)
def test_something_else_at_the_address_is_told_from_a_control_plane(
    offline: Run, serve: Serve, answer: tuple[int, str]
) -> None:
    url = serve([answer])
    result = offline("online-endpoint", "list", "--control-plane", url)
    assert result.stderr == (
        f"ERROR: expected a control plane at {url}, got an answer with status {answer[0]} that "
        "is not its own. Name another with --control-plane\n"
    )
    assert result.exit_code == 1


def test_an_error_of_the_control_plane_is_printed_with_its_code(offline: Run, serve: Serve) -> None:
    body = {"error": {"code": "Conflict", "message": "another operation runs"}}
    url = serve([(409, json.dumps(body))])
    result = offline("online-endpoint", "list", "--control-plane", url)
    assert (result.stderr, result.exit_code) == ("ERROR: (Conflict) another operation runs\n", 1)


def test_a_control_plane_that_dies_meanwhile_is_reported(offline: Run) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:

        def hang_up() -> None:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)

        thread = threading.Thread(target=hang_up)
        thread.start()
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        result = offline("online-endpoint", "list", "--control-plane", url)
        thread.join()
    assert result.stderr == (
        f"ERROR: cannot reach the control plane at {url} (remote end closed connection without "
        "response). Start it with `turnout serve`, or name another with --control-plane\n"
    )


def test_ctrl_c_ends_a_waiting_command_quietly_with_130() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(TIMEOUT_S)
        url = f"http://127.0.0.1:{server.getsockname()[1]}"
        words = ["online-endpoint", "list", "--control-plane", url]
        with subprocess.Popen(
            [sys.executable, "-P", "-m", "router.cli", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        ) as process:
            connection, _ = server.accept()
            with connection:
                connection.recv(65536)
                process.send_signal(signal.SIGINT)
                out, err = process.communicate(timeout=TIMEOUT_S)
    assert (process.returncode, out, err) == (130, b"", b"")


@pytest.mark.parametrize(
    ("typed", "message"),
    [
        (b"n\n", b"ERROR: Operation cancelled.\n"),
        (b"y\n", b"ERROR: cannot reach the control plane"),
    ],
)
def test_a_deletion_is_asked_about_at_a_terminal(typed: bytes, message: bytes) -> None:
    ours, theirs = pty.openpty()
    words = ["online-endpoint", "delete", "-n", "my-endpoint", "--control-plane", UNREACHABLE]
    os.write(ours, typed)
    done = subprocess.run(
        [sys.executable, "-P", "-m", "router.cli", *words],
        stdin=theirs,
        capture_output=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    os.close(ours)
    os.close(theirs)
    assert done.returncode == 1
    assert done.stdout == b""
    assert b"Are you sure you want to perform this operation? [y/N]: " in done.stderr
    assert message in done.stderr
