"""The scoring script: finds it, imports it, and checks what it offers (azure.md 7.2).

Nothing here runs a request; see results.py.
"""

import importlib.util
import inspect
import os
import sys
from collections.abc import Callable
from pathlib import Path

MODULE_NAME = "entry_module"

Run = Callable[[str], object]


class ScriptError(Exception):
    """The script can't be used; the message says why and what to do."""


def load(code: Path, scoring_script: str, model: Path | None) -> Run:
    """Imports the script, calls its ``init()`` and returns its ``run``.

    Sets the environment, the working folder and the import path as Azure does.

    Args:
        code: the folder of the code.
        scoring_script: the script's path below it.
        model: a file or folder; the script finds it below AZUREML_MODEL_DIR by its name.

    Raises:
        ScriptError: the script is missing, or lacks a usable ``init`` or ``run``.
        Exception: whatever the script's own import or ``init()`` raises.
    """
    path = (code / scoring_script).resolve()
    if not path.is_file():
        raise ScriptError(f"expected a scoring script, got no file, at {path}")
    _enter(path, model)
    spec = importlib.util.spec_from_file_location(MODULE_NAME, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[MODULE_NAME] = module
    try:
        spec.loader.exec_module(module)
    except ModuleNotFoundError as error:
        raise ScriptError(
            f"{scoring_script} needs the Python module {error.name!r}, which {sys.executable} "
            f"does not have: install it there (`{sys.executable} -m pip install …`), or put it "
            f"beside the script"
        ) from error
    init, run = (_function(module, name, scoring_script) for name in ("init", "run"))
    _check_signature(run, scoring_script)
    init()
    return run


def _enter(path: Path, model: Path | None) -> None:
    app_root = path.parent
    os.environ["AML_APP_ROOT"] = str(app_root)
    os.environ["AZUREML_ENTRY_SCRIPT"] = path.name
    if model is not None:
        os.environ["AZUREML_MODEL_DIR"] = str(model.resolve().parent)
    os.chdir(app_root)
    sys.path.append(str(app_root))


def _function(module: object, name: str, scoring_script: str) -> Callable[..., object]:
    found = getattr(module, name, None)
    if not callable(found):
        raise ScriptError(f"expected a function {name}() in {scoring_script}, got {found!r}")
    return found  # type: ignore[no-any-return]


def _check_signature(run: Callable[..., object], scoring_script: str) -> None:
    kinds = inspect.Parameter
    parameters = inspect.signature(run).parameters.values()
    if any(p.kind in {kinds.VAR_POSITIONAL, kinds.VAR_KEYWORD} for p in parameters) or any(
        p.kind is kinds.POSITIONAL_ONLY for p in parameters
    ):
        raise ScriptError("run() cannot accept positional-only arguments, *args, or **kwargs.")
    needed = [p for p in parameters if p.default is kinds.empty]
    by_position = [p for p in parameters if p.kind is kinds.POSITIONAL_OR_KEYWORD]
    if len(needed) > 1 or not by_position or any(p not in by_position for p in needed):
        raise ScriptError(
            f"expected run() in {scoring_script} to need one argument, the request's body, got "
            f"run({', '.join(p.name for p in parameters)})"
        )
