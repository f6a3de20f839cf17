"""How a scoring script is loaded, and what is said when it can't be."""

import json
import os
from pathlib import Path

import pytest

from tests.runtime.conftest import WORKER_COUNTS, Start
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


# Run by every interpreter that finds it: notes how many threads there are at each change.
WATCH_ENVIRONMENT = """
import os, sys
def note(event, arguments):
    if event == "os.putenv":
        with open(os.environ["CHANGES"], "a") as file:
            print(arguments[0].decode(), len(os.listdir("/proc/self/task")), file=file)
sys.addaudithook(note)
"""


@WORKER_COUNTS
async def test_the_environment_is_set_while_there_is_one_thread(
    start: Start, folder: Path, worker_count: str
) -> None:
    (folder / "sitecustomize.py").write_text(WATCH_ENVIRONMENT)
    instance = start(
        "def init(): pass\ndef run(raw): pass",
        WORKER_COUNT=worker_count,
        CHANGES=f"{folder}/changes",
        PYTHONPATH=f"{folder}{os.pathsep}{os.environ.get('PYTHONPATH', '')}",
    )
    await instance.wait_until_serving()
    changes = [line.split() for line in (folder / "changes").read_text().splitlines()]
    assert {"AML_APP_ROOT", "AZUREML_ENTRY_SCRIPT"} <= {name for name, _ in changes}
    assert {threads for _, threads in changes} == {"1"}


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


async def test_modules_of_the_source_directory_can_be_imported(start: Start, folder: Path) -> None:
    (folder / "code" / "inner").mkdir(parents=True)
    (folder / "code" / "inner" / "helper.py").write_text("NAME = 'helped'")
    script = "import helper\ndef init(): pass\ndef run(raw): return helper.NAME"
    instance = start(script, AZUREML_SOURCE_DIRECTORY="inner")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        (answer,) = await one.answers(1)
    assert answer.payload == b'"helped"'


async def test_a_logging_json_beside_the_script_is_taken_in(start: Start, folder: Path) -> None:
    (folder / "code").mkdir()
    config = {
        "version": 1,
        "formatters": {
            "own": {
                "()": "azureml_inference_server_http.log_config.AMLLogFormatter",
                "fmt": "OWN %(message)s",
            }
        },
        "handlers": {
            "out": {
                "class": "logging.StreamHandler",
                "stream": "ext://sys.stdout",
                "formatter": "own",
            }
        },
        "loggers": {"azmlinfsrv": {"level": "INFO", "handlers": ["out"], "propagate": False}},
        "root": {"level": "DEBUG", "handlers": ["out"]},
    }
    (folder / "code" / "logging.json").write_text(json.dumps(config))
    instance = start("""
import logging
def init(): print("printed in init")
def run(raw):
    logging.debug("a detail")
    raise ValueError("seen")
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        await one.answers(1)
    log = instance.log.read_text()
    assert "OWN printed in init" in log
    assert "OWN a detail" in log
    assert "ValueError: seen" in log
    assert "OWN ready on" in log, "the runtime's own lines are not silenced"


@pytest.mark.parametrize("text", ["{", '{"version": 2}', '{"version": 1, "handlers": {"a": {}}}'])
async def test_a_wrong_logging_json_is_one_clear_line(
    start: Start, folder: Path, text: str
) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "logging.json").write_text(text)
    instance = start("def init(): pass\ndef run(raw): pass")
    assert await instance.exit_status() == 3
    assert "expected a logging configuration as Python's" in instance.log.read_text()


async def test_a_swagger_file_that_is_no_json_is_one_clear_line(start: Start, folder: Path) -> None:
    (folder / "code").mkdir()
    (folder / "code" / "swagger3.json").write_text("openapi: 3.0.3")
    instance = start("def init(): pass\ndef run(raw): pass")
    assert await instance.exit_status() == 3
    assert "expected JSON in the swagger files in" in instance.log.read_text()


async def test_azures_module_names_are_there_without_azures_packages(start: Start) -> None:
    instance = start("""
import importlib.abc, sys
class NotInstalled(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path, target=None):
        if name == "azureml_inference_server_http" and not path:
            for finder in sys.meta_path:
                if type(finder).__name__ == "_MissingPackages":
                    return finder.find_spec(name, path)
sys.meta_path.insert(0, NotInstalled())
from azureml.contrib.services.aml_request import rawhttp
from azureml_inference_server_http.api.aml_request import rawhttp as same
from azureml_inference_server_http.api.aml_response import AMLResponse
import azureml_inference_server_http as package
assert rawhttp is same and package.__file__ is None
def init(): pass
@rawhttp
def run(request): return AMLResponse(request.get_data(), 200)
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b"\xff\x00"])
        (answer,) = await one.answers(1)
    assert answer.payload == b"\xff\x00"


async def test_flask_that_a_script_imports_when_it_runs_has_its_request(start: Start) -> None:
    instance = start("""
def init(): pass
def run(raw):
    from flask import request
    return request.method
""")
    await instance.wait_until_serving()
    async with stream(instance) as one:
        await one.send([b""])
        (answer,) = await one.answers(1)
    assert answer.payload == b'"POST"'


@pytest.mark.parametrize("decorated", ["@rawhttp\n", ""])
async def test_a_run_cannot_be_raw_and_have_a_schema(start: Start, decorated: str) -> None:
    instance = start(f"""
from inference_schema.schema_decorators import input_schema
from inference_schema.parameter_types.standard_py_parameter_type import (
    StandardPythonParameterType)
from azureml_inference_server_http.api.aml_request import rawhttp
def init(): pass
{decorated}@input_schema("data", StandardPythonParameterType(1))
def run(data): return data
""")
    if decorated:
        assert await instance.exit_status() == 3
        words = "run() cannot be decorated with both @rawhttp and @input_schema"
        assert words in instance.log.read_text()
    else:
        await instance.wait_until_serving()


@pytest.mark.parametrize("variable", ["WORKER_COUNT", "SCORING_TIMEOUT_MS"])
async def test_a_variable_that_is_no_number_is_refused(start: Start, variable: str) -> None:
    instance = start("def init(): pass\ndef run(raw): pass", **{variable: "many"})
    assert await instance.exit_status() == 2
    log = instance.log.read_text()
    assert f"got 'many', in the environment variable {variable}" in log
