"""Registers what a deployment's YAML holds inline, as az does before it creates the deployment.

Code, model and environment become versions of assets, and the deployment names these by
their ids (azure.md 3.4, 8.4). Without a name of its own an asset is anonymous: its content
names it, so that the same files are registered once, and no list shows it.
"""

import hashlib
import uuid
from collections.abc import Iterator
from pathlib import Path

import msgspec
from msgspec.structs import replace

from router.cli.asset_specs import AssetSpec, CodeAsset, Kind, body
from router.cli.asset_versions import FIRST_VERSION, asset_path, next_version
from router.cli.control_plane import ControlPlane
from router.cli.errors import Refused
from router.core.deployment_spec import DeploymentSpec, Environment, Model
from router.core.errors import BadRequest
from router.yaml_files import is_registered

# Azure's name for all of them; their versions are digests.
ANONYMOUS_ENVIRONMENT = "CliV2AnonymousEnvironment"
CONFLICT = 409
UUID_LETTERS = 32


def with_registered_assets(control_plane: ControlPlane, spec: DeploymentSpec) -> DeploymentSpec:
    """The deployment with ids in place of what is inline.

    Args:
        spec: its paths are absolute, its conda file is read.

    Raises:
        BadRequest: a file that can't be read.
        Refused: a name and version that is there with other content.
    """
    code, model, environment = spec.code_configuration, spec.model, spec.environment
    if not is_registered(code.code):
        asset = CodeAsset(path=code.code)
        code = replace(code, code=_put_files(control_plane, "codes", asset))
    if isinstance(model, str) and not is_registered(model):
        model = Model(path=model)
    if isinstance(model, Model):
        model = _put_files(control_plane, "models", model)
    if isinstance(environment, Environment):
        environment = _put_environment(control_plane, environment)
    return replace(spec, code_configuration=code, model=model, environment=environment)


def _put_files(control_plane: ControlPlane, kind: Kind, asset: CodeAsset | Model) -> str:
    if asset.name is not None:
        return _put_named(control_plane, kind, asset, asset.name)
    name = str(uuid.UUID(content_digest(Path(asset.path))[:UUID_LETTERS]))
    try:
        return _put_anonymous(control_plane, kind, asset, name, FIRST_VERSION)
    except Refused as refused:
        if refused.status != CONFLICT:
            raise
        # The files were once changed between their digest and their copy.
        return _put_anonymous(control_plane, kind, asset, str(uuid.uuid4()), FIRST_VERSION)


def _put_environment(control_plane: ControlPlane, environment: Environment) -> str:
    if environment.name is not None:
        return _put_named(control_plane, "environments", environment, environment.name)
    content = msgspec.json.encode(body(environment), order="deterministic")
    version = hashlib.sha256(content).hexdigest()
    return _put_anonymous(
        control_plane, "environments", environment, ANONYMOUS_ENVIRONMENT, version
    )


def _put_named(control_plane: ControlPlane, kind: Kind, asset: AssetSpec, name: str) -> str:
    version = asset.version or next_version(control_plane, kind, name)
    reply = control_plane.call("PUT", asset_path(kind, name, version), body(asset))
    return str(reply.body["id"])


def _put_anonymous(
    control_plane: ControlPlane, kind: Kind, asset: AssetSpec, name: str, version: str
) -> str:
    properties = {**body(asset)["properties"], "isAnonymous": True}
    path = asset_path(kind, name, version)
    return str(control_plane.call("PUT", path, {"properties": properties}).body["id"])


def content_digest(path: Path) -> str:
    """SHA-256 over the names and contents of the files that the daemon will copy."""
    digest = hashlib.sha256()
    try:
        for file in _files(path):
            with file.open("rb") as content:
                one = hashlib.file_digest(content, "sha256").digest()
            digest.update(bytes(file.relative_to(path.parent)) + b"\0" + one)
    except OSError as error:
        raise BadRequest(
            f"expected a file that can be read, got {error.filename}: {error.strerror}"
        ) from None
    return digest.hexdigest()


def _files(path: Path) -> Iterator[Path]:
    if path.is_file():
        yield path
    for found in sorted(path.rglob("*")):
        if found.is_file() and "__pycache__" not in found.parts:
            yield found
