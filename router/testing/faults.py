"""What befalls a Scripted deployment later.

Faults of its behaviour are written where its script looks at each request; a crash is one.
"""

import contextlib
import json
from pathlib import Path
from typing import Any

import psutil

from router.testing.deployments import faults_path, pids_path
from sim.steps import Doing

KILL_TIMEOUT_S = 10


def befall(folder: Path, doing: Doing) -> None:
    """Lets a fault befall deployments, from their next request on; ``heal`` takes all away.

    Args:
        folder: where the deployments were written.
        doing: one of sim.steps.FAULTS.
    """
    match doing.verb:
        case "slow" | "error_percent":
            for name, number in doing.numbers.items():
                _add(folder, name, {doing.verb: number})
        case "hang":
            _add(folder, doing.name, {"hang": True})
        case "crash":
            _kill(pids_path(folder, doing.name))
        case "crash_loop":
            _add(folder, doing.name, {"crash_loop": True})
            _kill(pids_path(folder, doing.name))
        case "heal":
            faults_path(folder, doing.name).unlink(missing_ok=True)


def _add(folder: Path, name: str, fault: dict[str, Any]) -> None:
    path = faults_path(folder, name)
    present = json.loads(path.read_text()) if path.exists() else {}
    new = path.with_suffix(".new")
    new.write_text(json.dumps({**present, **fault}))
    # Scripts read while this is written.
    new.replace(path)


def _kill(pids: Path) -> None:
    """Ends every process that left its pid there; returns when they have ended."""
    found: list[psutil.Process] = []
    for path in pids.iterdir():
        with contextlib.suppress(psutil.NoSuchProcess):
            process = psutil.Process(int(path.name))
            # Who got the pid of one that had ended has begun after that left its file.
            if process.create_time() <= path.stat().st_mtime:
                process.kill()
                found.append(process)
    psutil.wait_procs(found, KILL_TIMEOUT_S)
