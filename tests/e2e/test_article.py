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
# The second version always answers the same, so that it is plain who answered.
SCORE = """
import json
import logging
import os

import joblib
import numpy


def init():
    global model
    folder = os.getenv("AZUREML_MODEL_DIR")
    model = joblib.load(os.path.join(folder, "model/sklearn_regression_model.pkl"))
    logging.info("Init complete")


def run(raw_data):
    logging.info("model {number}: request received")
    data = numpy.array(json.loads(raw_data)["data"])
    return {answer}
"""
ANSWERS = {1: "model.predict(data).tolist()", 2: "[0.5, 0.5]"}


@pytest.fixture
def example(daemon: Daemon) -> Path:
    """Azure's folder `cli` with the YAML files, scripts and models of its example."""
    folder = daemon.folder / "cli"
    shutil.copytree(HERE / "azure_example", folder)
    for number, answer in ANSWERS.items():
        version = folder / "endpoints" / "online" / f"model-{number}"
        (version / "onlinescoring").mkdir()
        script = SCORE.format(number=number, answer=answer)
        (version / "onlinescoring" / "score.py").write_text(script)
        (version / "model").mkdir()
        shutil.copy(
            EXAMPLES / f"model-{number}" / "model" / "regressor.pkl",
            version / "model" / "sklearn_regression_model.pkl",
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
