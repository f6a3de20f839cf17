"""What a run leaves behind is ended, and nothing else."""

import signal
import subprocess
import sys
from pathlib import Path

from tests.chaos.processes import end_strays

FOREVER = "import signal; print('up', flush=True); signal.pause()"


def start(argument: str) -> "subprocess.Popen[str]":
    process = subprocess.Popen(
        [sys.executable, "-c", FOREVER, argument], stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "up\n"
    process.stdout.close()
    return process


def test_only_what_works_in_the_runs_own_folder_is_ended(tmp_path: Path) -> None:
    stray, other = start(f"{tmp_path}/run/i1.sock"), start(f"{tmp_path}/running/i1.sock")
    try:
        end_strays(tmp_path / "run")
        assert stray.wait(30) == -signal.SIGKILL
        assert other.poll() is None
    finally:
        for process in stray, other:
            process.kill()
            process.wait(30)
