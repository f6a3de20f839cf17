"""The scoring script: finds it, imports it, and finds out what it wants (azure.md 7.2).

Nothing here runs a request; see app.py.
"""

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.machinery import SourceFileLoader
from pathlib import Path
from types import ModuleType

from runtime import alarm, logs
from runtime.inputs import HEADERS_PARAMETER, ObjectReading, RawReading, Reading, TextReading
from runtime.swagger import Swagger

MODULE_NAME = "entry_module"


class ScriptError(Exception):
    """The script can't be used; the message says why and what to do."""


@dataclass(frozen=True, slots=True)
class Source:
    """What to load.

    Attributes:
        code: the folder of the code.
        scoring_script: the script's path below it.
        model: a file or folder; the script finds it below AZUREML_MODEL_DIR by its name.
        timeout_ms: how long one run() may take, None for as long as it likes.
    """

    code: Path
    scoring_script: str
    model: Path | None = None
    timeout_ms: int | None = None


@dataclass(frozen=True, slots=True)
class Script:
    """A script that is ready.

    Attributes:
        run: takes what ``reading`` makes of a request.
        uses_flask: its ``run()`` may look at flask's request.
        timeout_ms: what a run() that took too long is told.
    """

    run: Callable[..., object]
    reading: Reading
    swagger: Swagger
    uses_flask: bool
    timeout_ms: int


def set_environment(source: Source) -> None:
    """The variables by which a script finds itself and its model (azure.md 7.2).

    For a process that has one thread: native code of another one reads the environment
    without a lock, and crashes where it is just being moved.
    """
    path = _path(source)
    os.environ["AML_APP_ROOT"] = str(path.parent)
    os.environ["AZUREML_ENTRY_SCRIPT"] = path.name
    if source.model is not None:
        os.environ["AZUREML_MODEL_DIR"] = str(source.model.resolve().parent)


def load(source: Source) -> Script:
    """Imports the script and calls its ``init()``.

    Sets the working folder and the import path as Azure does.

    Raises:
        ScriptError: the script is missing, or lacks a usable ``init`` or ``run``.
        Exception: whatever the script's own import or ``init()`` raises.
    """
    path = _path(source)
    if not path.is_file():
        raise ScriptError(f"expected a scoring script, got no file, at {path}")
    _enter(path.parent)
    module = _import(path, source.scoring_script)
    init = _function(module, "init", source.scoring_script)
    # A generated script around the user's own forwards run(), but hides what it takes.
    inner = getattr(module, "driver_module", None)
    is_driver = isinstance(inner, ModuleType) and hasattr(inner, "run")
    run = _function(inner if is_driver else module, "run", source.scoring_script)
    reading = _reading_of(run)
    init()
    return Script(
        run=run if source.timeout_ms is None else alarm.timed(run, source.timeout_ms),
        reading=reading,
        swagger=_swagger(path.parent, run),
        uses_flask="flask" in sys.modules or "flask" in path.read_text(errors="replace"),
        timeout_ms=source.timeout_ms or alarm.DEFAULT_TIMEOUT_MS,
    )


def _path(source: Source) -> Path:
    return (source.code / source.scoring_script).resolve()


def _enter(app_root: Path) -> None:
    os.chdir(app_root)
    sys.path.append(str(app_root))
    if below := os.environ.get("AZUREML_SOURCE_DIRECTORY"):
        sys.path.append(str(app_root / below))
    try:
        logs.configure_from(app_root)
    except ValueError as error:
        raise ScriptError(
            f"expected a logging configuration as Python's logging.config.dictConfig takes it, "
            f"got: {error}, in {app_root / logs.CONFIG_FILE}"
        ) from error


def _import(path: Path, scoring_script: str) -> ModuleType:
    # With a loader of its own, so that the file may be called anything.
    loader = SourceFileLoader(MODULE_NAME, str(path))
    spec = importlib.util.spec_from_loader(MODULE_NAME, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE_NAME] = module
    try:
        loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise ScriptError(
            f"{scoring_script} needs the Python module {error.name!r}, which {sys.executable} "
            f"does not have: install it there (`{sys.executable} -m pip install …`), or put it "
            f"beside the script"
        ) from error
    return module


def _function(module: object, name: str, scoring_script: str) -> Callable[..., object]:
    found = getattr(module, name, None)
    if not callable(found):
        raise ScriptError(f"expected a function {name}() in {scoring_script}, got {found!r}")
    return found  # type: ignore[no-any-return]


def _reading_of(run: Callable[..., object]) -> Reading:
    """How ``run()`` wants its requests, by its decorators and parameters."""
    kinds = inspect.Parameter
    parameters = dict(inspect.signature(run).parameters)
    if any(p.kind not in (kinds.POSITIONAL_OR_KEYWORD, kinds.KEYWORD_ONLY)
           for p in parameters.values()):  # fmt: skip
        raise ScriptError("run() cannot accept positional-only arguments, *args, or **kwargs.")
    wants_headers = parameters.pop(HEADERS_PARAMETER, None) is not None
    if not parameters:
        raise ScriptError(
            f'run() needs to accept an argument other than "{HEADERS_PARAMETER}".'
            if wants_headers
            else "run() needs to accept an argument for input data."
        )
    is_raw, is_decorated = _wants_raw_http(), _has_schema(run)
    if is_raw and is_decorated:
        raise ScriptError("run() cannot be decorated with both @rawhttp and @input_schema")
    if is_decorated:
        return ObjectReading(tuple(parameters.values()), wants_headers=wants_headers)
    _check_one_needed(parameters)
    first = next(iter(parameters))
    if is_raw:
        import flask  # noqa: PLC0415 - slow to import, and only such scripts need it

        return RawReading(first, flask.request, wants_headers=wants_headers)
    return TextReading(first, wants_headers=wants_headers)


def _check_one_needed(parameters: Mapping[str, inspect.Parameter]) -> None:
    _, *others = parameters.values()
    if needed := [p.name for p in others if p.default is inspect.Parameter.empty]:
        raise ScriptError(
            f"expected run() to need one argument, the request's data, got run("
            f"{', '.join(parameters)}): give {', '.join(needed)} a default, or decorate run() "
            f"with inference-schema's @input_schema"
        )


def _wants_raw_http() -> bool:
    module = sys.modules.get("runtime.aml_request")
    return module is not None and bool(module.raw_http_requested)


def _has_schema(run: Callable[..., object]) -> bool:
    if "inference_schema" not in sys.modules:
        return False
    from inference_schema.schema_util import (  # noqa: PLC0415 - there only if the script uses it
        is_schema_decorated,
    )

    return bool(is_schema_decorated(run))


def _swagger(app_root: Path, run: Callable[..., object]) -> Swagger:
    try:
        return Swagger(app_root, run)
    except ValueError as error:
        raise ScriptError(
            f"expected JSON in the swagger files in {app_root}, got: {error}"
        ) from error
