"""A demo that goes wrong says so, exits with 1 and leaves nothing behind."""

import os
import re
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from router.cli.demo.command import EXAMPLES

TIMEOUT_S = 100


def test_a_demo_whose_model_does_not_start_fails_loudly_and_leaves_nothing_behind(
    folder: Path,
) -> None:
    examples, temporary = folder / "examples", folder / "t"
    shutil.copytree(EXAMPLES, examples)
    temporary.mkdir()
    script = examples / "model-1" / "onlinescoring" / "score.py"
    script.write_text("def init():\n    raise RuntimeError('no weights')\ndef run(d):\n    pass\n")
    done = subprocess.run(
        [sys.executable, "-P", "-m", "router.cli", "demo", "--examples", str(examples)],
        env={**os.environ, "TMPDIR": str(temporary), "COLUMNS": "200"},
        capture_output=True,
        text=True,
        timeout=TIMEOUT_S,
        check=False,
    )
    assert done.returncode == 1
    assert "FAILED" in done.stdout
    assert "no weights" in done.stdout
    assert list(temporary.iterdir()) == []
    address = re.search(r"control plane is at http://(\S+):(\d+)", done.stdout)
    assert address is not None
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection((address[1], int(address[2])))
