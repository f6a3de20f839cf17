"""Reads the files that commands name; whatever is wrong with one is said in one line."""

import json
from pathlib import Path
from typing import Any

import yaml

from router.core.errors import BadRequest

# The C parser, where PyYAML was built with it, is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        BadRequest: there is no such file, or it holds anything but one mapping.
    """
    text = _read(path)
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - either loader is a safe one
    except yaml.YAMLError as error:
        raise BadRequest(f"{path}: expected YAML, got {_yaml_problem(error)}") from None
    if value is None:
        raise BadRequest(f"{path}: expected keys and values, got an empty file")
    if not isinstance(value, dict):
        raise BadRequest(
            f"{path}: expected keys and values, got {value!r} ({type(value).__name__}), at `$`"
        )
    return value


def read_json(path: Path) -> object:
    """The value that a JSON file holds.

    Raises:
        BadRequest: there is no such file, or it is not JSON.
    """
    text = _read(path)
    try:
        return json.loads(text)
    except UnicodeDecodeError:
        raise BadRequest(f"{path}: expected JSON, got bytes that are not UTF-8") from None
    except json.JSONDecodeError as error:
        got = (
            f"{error.msg} (line {error.lineno}, column {error.colno})" if text else "an empty file"
        )
        raise BadRequest(f"{path}: expected JSON, got {got}") from None


def _read(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except FileNotFoundError:
        raise BadRequest(f"{path}: expected a file, got none. Check the path.") from None
    except IsADirectoryError:
        raise BadRequest(f"{path}: expected a file, got a folder. Name a file in it.") from None
    except OSError as error:
        raise BadRequest(
            f"{path}: expected a file that can be read, got {error.strerror}"
        ) from None


def _yaml_problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())
