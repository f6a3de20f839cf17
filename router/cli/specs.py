"""From YAML in Azure's format, flags and what the control plane knows to checked specs.

Paths in YAML are relative to the YAML file; in a spec made here they are absolute, because
the daemon's working folder is another one.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from router.cli.errors import CommandFailed
from router.core.config import DeploymentSpec, EndpointSpec, Environment, Model
from router.core.errors import BadRequest
from router.core.parse import parse

Spec = TypeVar("Spec", EndpointSpec, DeploymentSpec)

_REGISTERED = "azureml:"


def plain(spec: EndpointSpec | DeploymentSpec) -> dict[str, Any]:
    """The spec as YAML would say it, without what is not set."""
    raw: dict[str, Any] = _without_nulls(msgspec.to_builtins(spec))
    return raw


def endpoint_spec(raw: Mapping[str, Any], source: str) -> EndpointSpec:
    """The endpoint that ``raw`` declares, by az's rules for letters and zeros.

    Raises:
        BadRequest: the first thing that is wrong; ``source`` says in which file.
    """
    auth_mode = raw.get("auth_mode")
    lowered = {"auth_mode": auth_mode.lower()} if isinstance(auth_mode, str) else {}
    spec = parse(EndpointSpec, {**raw, **lowered}, source)
    return msgspec.structs.replace(
        spec,
        traffic=_without_zeros(spec.traffic),
        mirror_traffic=_without_zeros(spec.mirror_traffic),
    )


def located(spec: DeploymentSpec, source: str, base_dir: Path) -> DeploymentSpec:
    """The deployment with its files found and its script's syntax checked.

    Args:
        spec: as YAML says it.
        source: for messages: the file's path.
        base_dir: what relative paths are relative to.

    Raises:
        BadRequest: a path that leads nowhere, with its place and value.
        CommandFailed: the scoring script is not Python.
    """
    code = _existing(spec.code_configuration.code, "code_configuration.code", source, base_dir)
    script = _script(Path(code), spec.code_configuration.scoring_script, source)
    _check_syntax(spec.name, script)
    return msgspec.structs.replace(
        spec,
        code_configuration=msgspec.structs.replace(spec.code_configuration, code=code),
        model=_with_absolute_path(spec.model, source, base_dir),
        environment=_with_absolute_conda_file(spec.environment, base_dir),
    )


def _existing(path: str, key: str, source: str, base_dir: Path) -> str:
    if path.startswith(_REGISTERED):
        raise BadRequest(
            f"{source}: expected a local path, got {path!r}, at `$.{key}`. Registered assets "
            "are not supported yet."
        )
    absolute = (base_dir / path).resolve()
    if not absolute.exists():
        raise BadRequest(
            f"{source}: expected a path that exists, got {path!r}, at `$.{key}`. It is taken "
            f"relative to {base_dir}."
        )
    return str(absolute)


def _script(code: Path, name: str, source: str) -> Path:
    if not code.is_dir():
        raise BadRequest(
            f"{source}: expected a folder, got the file {str(code)!r}, at "
            "`$.code_configuration.code`"
        )
    script = code / name
    if not script.is_file():
        raise BadRequest(
            f"{source}: expected a file in {str(code)!r}, got {name!r}, at "
            "`$.code_configuration.scoring_script`"
        )
    return script


def _check_syntax(deployment: str, script: Path) -> None:
    try:
        ast.parse(script.read_bytes(), filename=str(script))
    except OSError as error:
        raise BadRequest(
            f"{script}: expected a file that can be read, got {error.strerror}"
        ) from None
    except (SyntaxError, ValueError) as error:
        where = f"Error on line {getattr(error, 'lineno', None) or 1}: "
        raise CommandFailed(
            f"Failed to submit deployment {deployment} due to syntax errors in scoring script "
            f"{script.name}.\n{where}{getattr(error, 'msg', error)}"
        ) from None


def _with_absolute_path(
    model: str | Model | None, source: str, base_dir: Path
) -> str | Model | None:
    if model is None:
        return None
    if isinstance(model, str):
        return _existing(model, "model", source, base_dir)
    path = _existing(model.path, "model.path", source, base_dir)
    return msgspec.structs.replace(model, path=path)


def _with_absolute_conda_file(
    environment: str | Environment | None, base_dir: Path
) -> str | Environment | None:
    if not isinstance(environment, Environment) or not isinstance(environment.conda_file, str):
        return environment
    conda_file = str((base_dir / environment.conda_file).resolve())
    return msgspec.structs.replace(environment, conda_file=conda_file)


def _without_zeros(percents: Mapping[str, int]) -> dict[str, int]:
    return {name.lower(): percent for name, percent in percents.items() if percent}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
