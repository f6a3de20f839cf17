"""The scoring script of a Scripted deployment: does what the file beside it says.

It runs in real instances, copied to a folder with its behaviour.json; so it imports nothing of
ours. The numbers count requests of one instance, from 1.
"""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

from azureml.contrib.services.aml_response import (  # type: ignore[import-not-found,import-untyped,unused-ignore]
    AMLResponse,
)

BEHAVIOUR: dict[str, Any] = json.loads((Path(__file__).parent / "behaviour.json").read_text())
FAULTS = Path(BEHAVIOUR["faults_path"])
EXIT_CRASHED = 70
OK, SERVER_ERROR = 200, 500
ALL_PERCENT = 100

requests = 0
owed_percent = 0.0


def init() -> None:
    """Says which process it is, takes its time, or fails."""
    (Path(BEHAVIOUR["pids_path"]) / str(os.getpid())).touch()
    if _faults().get("crash_loop"):
        os._exit(EXIT_CRASHED)
    time.sleep(BEHAVIOUR["cold_start_s"])
    if BEHAVIOUR["init_error"] is not None:
        raise RuntimeError(BEHAVIOUR["init_error"])


def run(_raw: str) -> object:
    """Answers, fails, crashes or hangs."""
    global requests  # noqa: PLW0603 - a scoring script's state is its module's
    requests += 1
    faults = _faults()
    if requests == BEHAVIOUR["crash_at"]:
        os._exit(EXIT_CRASHED)
    if requests == BEHAVIOUR["hang_at"] or faults.get("hang"):
        threading.Event().wait()
    time.sleep(BEHAVIOUR["latency_ms"] / 1000 * faults.get("slow", 1))
    status = BEHAVIOUR["status"]
    if _is_error(faults.get("error_percent", BEHAVIOUR["error_percent"])):
        status = SERVER_ERROR
    body = BEHAVIOUR["body"]
    if isinstance(body, str):
        return AMLResponse(body, status)
    return body if status == OK else AMLResponse(json.dumps(body), status)


def _is_error(percent: float) -> bool:
    """Whether this request is one of them: evenly spread, 10 is every tenth."""
    global owed_percent  # noqa: PLW0603 - as above
    owed_percent += percent
    if owed_percent < ALL_PERCENT:
        return False
    owed_percent -= ALL_PERCENT
    return True


def _faults() -> dict[str, Any]:
    try:
        faults: dict[str, Any] = json.loads(FAULTS.read_text())
    except FileNotFoundError:
        return {}
    return faults
