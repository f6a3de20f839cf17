"""What users declare of a registered asset, and the body that registers it (azure.md 8.4)."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any, Literal

import msgspec

from router.cli.assignments import set_text
from router.core.declared import Declared
from router.core.deployment_spec import Environment, Model
from router.core.errors import BadRequest
from router.core.parse import parse
from router.yaml_files import read_yaml

Kind = Literal["codes", "models", "environments"]


class CodeAsset(Declared, frozen=True):
    """A folder of scripts."""

    path: str
    schema: str | None = msgspec.field(default=None, name="$schema")
    name: str | None = None
    version: str | None = None
    description: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}


AssetSpec = CodeAsset | Model | Environment
TYPES: dict[Kind, type[AssetSpec]] = {
    "codes": CodeAsset,
    "models": Model,
    "environments": Environment,
}


def asset_spec(
    kind: Kind, file: Path | None, assignments: Iterable[str], flags: dict[str, Any]
) -> AssetSpec:
    """The asset that a file and flags declare; its paths are absolute, its conda file is read.

    Args:
        assignments: of `--set`; they go before the file's keys.
        flags: keys of the YAML that have flags of their own; they go before both.

    Raises:
        BadRequest: the first thing that is wrong, with its place.
    """
    raw = read_yaml(file) if file else {}
    set_text(raw, assignments, TYPES[kind])
    raw |= flags
    spec = parse(TYPES[kind], raw, str(file or "command line"))
    folder = file.resolve().parent if file else Path.cwd()
    if isinstance(spec, Environment):
        base = Path.cwd() if "conda_file" in flags else folder
        return _with_conda(spec, base)
    base = Path.cwd() if "path" in flags else folder
    path = (base / spec.path).resolve()
    if not path.exists():
        raise BadRequest(f"expected a path that exists, got {spec.path!r}, at `$.path`")
    return msgspec.structs.replace(spec, path=str(path))


def body(spec: AssetSpec) -> dict[str, Any]:
    """The body of the PUT that registers a version."""
    common = {"description": spec.description, "tags": spec.tags, "properties": spec.properties}
    match spec:
        case Environment():
            own = {"condaFile": spec.conda_file, "image": spec.image}
        case Model():
            own = {"modelUri": spec.path, "modelType": spec.type, "flavors": spec.flavors}
        case CodeAsset():
            own = {"codeUri": spec.path}
    given = {key: value for key, value in {**common, **own}.items() if value is not None}
    return {"properties": given}


def _with_conda(spec: Environment, base: Path) -> Environment:
    if not isinstance(spec.conda_file, str):
        return spec
    return msgspec.structs.replace(spec, conda_file=read_yaml(base / spec.conda_file))
