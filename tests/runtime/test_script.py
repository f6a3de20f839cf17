"""How a scoring script is loaded, and what is said when it can't be."""

import json
from pathlib import Path

import pytest

from tests.runtime.conftest import Start
from tests.runtime.instance import stream


@pytest.mark.parametrize(
    ("script", "words"),
    [
        (
            "def init(): raise OSError('no weights')\ndef run(raw): pass",
            ["Traceback", "no weights", "the scoring script did not start: OSError: no weights"],
        ),
        (
            "import no_such_module",
            ["score.py needs the Python module 'no_such_module'", "-m pip install"],
        ),
        ("def init(: pass", ["SyntaxError", "the scoring script did not start"]),
        ("def init(): pass", ["expected a function run() in score.py, got None"]),
        ("def run(raw): pass", ["expected a function init() in score.py, got None"]),
        (
            "def init(): pass\ndef run(*args): pass",
            ["run() cannot accept positional-only arguments, *args, or **kwargs."],
        ),
        (
            "def init(): pass\ndef run(): pass",
            ["run() needs to accept an argument for input data."],
        ),
        (
            "def init(): pass\ndef run(request_headers): pass",
            ['run() needs to accept an argument other than "request_headers".'],
        ),
        (
            "def init(): pass\ndef run(raw, more): pass",
            ["expected run() to need one argument", "got run(raw, more): give more a default"],
        ),
        ("import sys\nsys.exit(0)", ["the script ended itself: SystemExit(0)"]),
    ],
)
async def test_a_script_that_cannot_start_ends_the_instance_and_says_why(
    start: Start, script: str, words: list[str]
) -> None:
    instance = start(script)
    assert await instance.exit_status() == 3
    log = instance.log.read_text()
    for word in words:
        assert word in log
    assert log.strip().splitlines()[-1].count("runtime - ") == 1, "the last line says what to do"


async def test_a_missing_script_is_one_clear_line(start: Start, folder: Path) -> None:
    instance = start("def init(): pass\ndef run(raw): pass")
    (folder / "code" / "score.py").unlink()
    assert await instance.exit_status() == 3
    (line,) = instance.log.read_text().splitlines()
    assert line.endswith(f"expected a scoring script, got no file, at {folder}/code/score.py")


async def test_the_script_finds_its_model_its_folder_and_its_neighbours(
    start: Start, folder: Path
) -> None:
    (folder / "model").mkdir()
    (folder / "model" / "weights.txt").write_text("42")
    (folder / "code").mkdir()
    (folder / "code" / "neighbour.py").write_text("NAME = 'next door'")
    instance = start("""
import os, neighbour
def init():
    global weights
    with open(os.path.join(os.environ["AZUREML_MODEL_DIR"], "model", "weights.txt")) as file:
        weights = file.read()
def run(raw):
    names = ("AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT", "MY_OWN")
    return [weights, neighbour.NAME, os.getcwd(), *(os.environ[name] for name in names)]
""", MY_OWN="set by the deployment")  # fmt: skip
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        (answer,) = await one.answers(1)
    root = str((folder / "code").resolve())
    assert json.loads(answer.payload) == [
        "42", "next door", root, root, "score.py", "set by the deployment"
    ]  # fmt: skip


async def test_prints_and_info_logging_of_the_script_are_in_its_log(start: Start) -> None:
    instance = start("""
import logging
def init(): print("printed in init")
def run(raw): logging.info("model 1: request received")
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        await one.answers(1)
    log = instance.log.read_text()
    assert "printed in init" in log
    assert "root - model 1: request received" in log


async def test_a_wrong_worker_count_is_refused(start: Start) -> None:
    instance = start("def init(): pass\ndef run(raw): pass", WORKER_COUNT="many")
    assert await instance.exit_status() == 2
    assert "expected a whole number of at least 1, got 'many'" in instance.log.read_text()
