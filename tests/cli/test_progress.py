"""Progress of a long operation at a real terminal: on stderr alone, with stdout for the result."""

import json
import os
import pty
import re
import select
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

TIMEOUT_S = 60
# init() waits until it may end.
WAITS = """
import os, pathlib, time
def init():
    print("looking for weights", flush=True)
    while not pathlib.Path(os.environ["GATE"]).exists():
        time.sleep(0.01)
    {then}
def run(raw): return raw
"""
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A command whose stderr is a terminal, and what that shows."""

    def __init__(self, words: list[str]) -> None:
        self._ours, theirs = pty.openpty()
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "router.cli", *words],
            env=os.environ | {"TERM": "xterm", "COLUMNS": "120"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=theirs,
        )
        os.close(theirs)
        self.shown = ""

    def show(self, text: str) -> None:
        """Returns when the terminal has shown the text."""
        deadline = time.monotonic() + TIMEOUT_S
        while text not in self.shown:
            assert self._read(deadline), f"{text!r} is not in {self.shown!r}"

    def end(self) -> tuple[str, int]:
        """What the command printed on stdout, and its exit code."""
        deadline = time.monotonic() + TIMEOUT_S
        while self._read(deadline):
            pass
        out, _ = self._process.communicate(timeout=TIMEOUT_S)
        return out.decode(), self._process.returncode

    def close(self) -> None:
        self._process.kill()
        self._process.communicate()
        os.close(self._ours)

    def _read(self, deadline: float) -> bool:
        """Whether there was more before the end."""
        ready, _, _ = select.select([self._ours], [], [], max(deadline - time.monotonic(), 0))
        try:
            read = os.read(self._ours, 65536) if ready else b""
        except OSError:
            # What Linux says when the other side of a terminal is closed.
            return False
        self.shown += _CONTROL.sub("", read.decode(errors="replace"))
        return bool(read)


@contextmanager
def creating(url: str, endpoint: str, file: Path, then: str) -> Iterator[tuple[Terminal, Path]]:
    """A deployment of 2 instances being created, and the file for which their init() waits."""
    (file.parent / "code" / "score.py").write_text(WAITS.format(then=then))
    gate = file.parent / "gate"
    with file.open("a") as yaml:
        yaml.write(f"instance_count: 2\nenvironment_variables: {{GATE: {gate}}}\n")
    words = ["online-deployment", "create", "-e", endpoint, "-f", str(file)]
    terminal = Terminal([*words, "--control-plane", url])
    try:
        yield terminal, gate
    finally:
        gate.touch()
        terminal.close()


def test_a_terminal_shows_how_far_it_is_and_stdout_holds_only_the_result(
    daemon_url: str, endpoint: str, blue_yaml: Path
) -> None:
    with creating(daemon_url, endpoint, blue_yaml, "pass") as (terminal, gate):
        terminal.show("Creating deployment blue: 0 of 2 instances ready")
        gate.touch()
        out, status = terminal.end()
    assert status == 0, terminal.shown
    assert json.loads(out)["name"] == "blue"
    assert out.startswith("{\n")
    assert out.endswith("}\n")


@pytest.mark.parametrize("line", ["looking for weights", "RuntimeError: no weights"])
def test_a_failure_leaves_the_end_of_the_log_on_the_terminal_and_stdout_empty(
    daemon_url: str, endpoint: str, blue_yaml: Path, line: str
) -> None:
    raises = "raise RuntimeError('no weights')"
    with creating(daemon_url, endpoint, blue_yaml, raises) as (terminal, gate):
        terminal.show("0 of 2 instances ready")
        gate.touch()
        assert terminal.end() == ("", 1)
    _, error, said = terminal.shown.partition("ERROR: (DeploymentFailed) instance i")
    assert error
    assert line in said, said
