"""From YAML in Azure's format, flags and what the control plane knows to checked specs.

Paths in YAML are relative to the YAML file; in a spec made here they are absolute, because
the daemon's working folder is another one.
"""

import ast
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from router.cli.errors import CommandFailed, warn
from router.core.deployment_spec import DeploymentSpec, Model
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest
from router.core.meaning import without_meaning
from router.core.parse import parse
from router.yaml_files import is_registered, with_absolute_paths

Spec = TypeVar("Spec", EndpointSpec, DeploymentSpec)


def plain(spec: EndpointSpec | DeploymentSpec) -> dict[str, Any]:
    """The spec as YAML would say it, without what is not set."""
    raw: dict[str, Any] = _without_nulls(msgspec.to_builtins(spec))
    return raw


def endpoint_spec(raw: Mapping[str, Any], source: str) -> EndpointSpec:
    """The endpoint that ``raw`` declares, by az's rules for letters and zeros.

    Raises:
        BadRequest: the first thing that is wrong; ``source`` says in which file.
    """
    spec = parse(EndpointSpec, raw, source)
    return msgspec.structs.replace(
        spec,
        traffic=_without_zeros(spec.traffic),
        mirror_traffic=_without_zeros(spec.mirror_traffic),
    )


def check_same_name(key: str, name: str, raw: Mapping[str, Any]) -> None:
    """Refuses an update that would make something else of it: its name is where it is found.

    Args:
        key: ``name`` or ``endpoint_name``.
        name: what it has.
        raw: what the update leaves.
    """
    if str(raw.get(key)).lower() != name:
        raise BadRequest(
            f"expected {name!r}, got {raw.get(key)!r}, at `$.{key}`. Names can't be changed: "
            f"create another one, and delete this."
        )


def warn_of_keys_without_meaning(spec: EndpointSpec | DeploymentSpec) -> None:
    """Says once, in one line, which keys of Azure's files do nothing here."""
    if keys := without_meaning(spec):
        warn(
            f"these keys have no meaning here and do nothing: {', '.join(keys)}. Scoring scripts "
            f"run as processes of the daemon's machine, not in containers."
        )


def located(spec: DeploymentSpec, source: str, base_dir: Path, *, check: bool) -> DeploymentSpec:
    """The deployment with its files found and its script's syntax checked.

    Args:
        spec: as YAML says it.
        source: for messages: the file's path.
        base_dir: what relative paths are relative to.
        check: whether to check the script's syntax.

    Raises:
        BadRequest: a path that leads nowhere, with its place and value.
        CommandFailed: the scoring script is not Python.
    """
    located = with_absolute_paths(spec, base_dir)
    match spec.model:
        case Model(path=path):
            _check_exists(path, "model.path", source, base_dir)
        case str(path) if not is_registered(path):
            _check_exists(path, "model", source, base_dir)
    code = located.code_configuration
    if not is_registered(code.code):
        declared = spec.code_configuration.code
        _check_exists(declared, "code_configuration.code", source, base_dir)
        script = _script(Path(code.code), code.scoring_script, source)
        if check:
            _check_syntax(spec.name, script)
    return located


def _check_exists(path: str, key: str, source: str, base_dir: Path) -> None:
    if not (base_dir / path).exists():
        raise BadRequest(
            f"{source}: expected a path that exists, got {path!r}, at `$.{key}`. It is taken "
            f"relative to {base_dir}."
        )


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


def _without_zeros(percents: Mapping[str, int]) -> dict[str, int]:
    return {name.lower(): percent for name, percent in percents.items() if percent}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(item) for key, item in value.items() if item is not None}
    return value
