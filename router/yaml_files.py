"""YAML files of users: reads them, and finds what they name.

For all who take such files: the command line, the daemon for what its own file declares,
and the embedded router. What the values must be is router.core.parse's.
"""

from pathlib import Path
from typing import Any

import yaml
from msgspec.structs import replace

from router.core.config import DaemonConfig
from router.core.deployment_spec import DeploymentSpec, Environment, Model
from router.core.errors import BadRequest
from router.core.limits import check_resources
from router.core.parse import parse

# The C parser, where PyYAML was built with it, is ten times as fast.
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


def read_yaml(path: Path) -> dict[str, Any]:
    """The mapping that a YAML file holds.

    Raises:
        BadRequest: there is no such file, or it holds anything but one mapping.
    """
    text = read_bytes(path)
    try:
        value = yaml.load(text, _Loader)  # noqa: S506 - either loader is a safe one
    except yaml.YAMLError as error:
        raise BadRequest(f"{path}: expected YAML, got {_problem(error)}") from None
    if value is None:
        raise BadRequest(f"{path}: expected keys and values, got an empty file")
    if not isinstance(value, dict):
        raise BadRequest(
            f"{path}: expected keys and values, got {value!r} ({type(value).__name__}), at `$`"
        )
    return value


def read_bytes(path: Path) -> bytes:
    """A file's content.

    Raises:
        BadRequest: it can't be read.
    """
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


def read_daemon_config(path: Path) -> tuple[DaemonConfig, Path]:
    """The daemon's settings, and the absolute folder that paths in them are relative to.

    That is the folder of the path as it is given, also if it is a symbolic link.

    Raises:
        BadRequest: the file can't be read, or what it says is wrong.
    """
    config = parse(DaemonConfig, read_yaml(path), str(path))
    for name, resources in config.instance_types.items():
        try:
            check_resources(resources, f"$.instance_types.{name}")
        except BadRequest as error:
            raise BadRequest(f"{path}: {error.message}") from None
    return config, path.absolute().parent


def with_absolute_paths(spec: DeploymentSpec, folder: Path) -> DeploymentSpec:
    """The spec with its paths resolved: in YAML they are relative to the file's folder.

    The conda file is read, and what it says put in its place.

    Raises:
        BadRequest: that file can't be read.
    """
    code = spec.code_configuration
    model, environment = spec.model, spec.environment
    if isinstance(model, Model):
        model = replace(model, path=_located(model.path, folder))
    elif model is not None and not is_registered(model):
        model = _located(model, folder)
    if isinstance(environment, Environment) and isinstance(environment.conda_file, str):
        conda = read_yaml(Path(_located(environment.conda_file, folder)))
        environment = replace(environment, conda_file=conda)
    return replace(
        spec,
        code_configuration=code
        if is_registered(code.code)
        else replace(code, code=_located(code.code, folder)),
        model=model,
        environment=environment,
    )


def is_registered(text: str) -> bool:
    """Whether it names a registered asset rather than a path (azure.md 2.2)."""
    return text.startswith(("azureml:", "/subscriptions/"))


def _located(path: str, folder: Path) -> str:
    return str((folder / path).resolve())


def _problem(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark is not None:
        mark = error.problem_mark
        return f"{error.problem} (line {mark.line + 1}, column {mark.column + 1})"
    return " ".join(str(error).split())
