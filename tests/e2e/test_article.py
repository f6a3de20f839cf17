"""Azure's own shell scripts, command by command, with `az` being turnout (azure.md 1.3).

The scripts beside this file check what they are answered; here they get what Azure's user
has: the example's folder, and a daemon.
"""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.e2e.harness import EXAMPLES, TURNOUT, Daemon

HERE = Path(__file__).parent
LIMIT_S = 110


@pytest.fixture
def example(daemon: Daemon) -> Path:
    """Azure's folder `cli` with the YAML files, scripts and models of its example."""
    folder = daemon.folder / "cli"
    shutil.copytree(HERE / "azure_example", folder)
    for model in ("model-1", "model-2"):
        target = folder / "endpoints" / "online" / model / "model"
        target.mkdir()
        shutil.copy(
            EXAMPLES / model / "model" / "regressor.pkl", target / "sklearn_regression_model.pkl"
        )
    return folder


@pytest.mark.parametrize("script", ["article", "managed", "kubernetes", "local"])
def test_azures_script_runs_unchanged(daemon: Daemon, example: Path, script: str) -> None:
    done = subprocess.run(
        ["bash", HERE / f"{script}.sh"],
        cwd=example,
        env={
            **os.environ,
            "PATH": f"{Path(TURNOUT).parent}:{os.environ['PATH']}",
            "TURNOUT_CONTROL_PLANE": daemon.url,
            "TURNOUT_CONFIG_DIR": str(daemon.folder / "settings"),
        },
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
