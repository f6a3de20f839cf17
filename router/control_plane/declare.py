"""Endpoints that the daemon's file declares: read from Azure's YAML files, checked, brought up.

Each declaration is carried out on its own here; which ones are the file's, and when one is
carried out again, is declarations.py's.
"""

import logging
from collections.abc import Callable
from pathlib import Path

from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.assets import check_paths
from router.control_plane.environments.conda_file import read as read_conda
from router.control_plane.instances import conda_of
from router.control_plane.service import ControlPlane
from router.core.config import DaemonConfig, Declaration
from router.core.deployment_spec import DeploymentSpec, Environment
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest, ResourceNotFound
from router.core.parse import T, parse
from router.core.routes import check_environment_variables
from router.core.rules import (
    check_deployment,
    check_deployment_count,
    check_endpoint,
    check_name,
    check_traffic,
)
from router.yaml_files import read_yaml, with_absolute_paths

Note = Callable[[Path], None]

log = logging.getLogger(__name__)


class Declared(Struct, frozen=True, kw_only=True):
    """An endpoint with its deployments; paths are absolute, rules are checked.

    Attributes:
        at: where in the daemon's file it stands, as `$.path`.
        files: those that the daemon's file names for it.
    """

    at: str
    files: tuple[Path, ...]
    endpoint: EndpointSpec
    deployments: tuple[DeploymentSpec, ...]


async def declare(control_plane: ControlPlane, config: DaemonConfig, base_dir: Path) -> None:
    """Brings up what ``config`` declares; returns when it serves.

    Args:
        base_dir: what the paths in ``config`` are relative to.

    Raises:
        BadRequest: a file is missing or wrong; nothing was changed then.
        DeploymentFailed: a deployment did not come up.
        Conflict: an operation on one of the endpoints runs.
    """
    for declared in read_declarations(config, base_dir):
        await create_endpoint(control_plane, declared.endpoint)
        for deployment in declared.deployments:
            await put_deployment(control_plane, deployment)
        await control_plane.put_endpoint(declared.endpoint)


def read_declarations(
    config: DaemonConfig, base_dir: Path, note: Note = lambda _: None
) -> list[Declared]:
    """What ``config`` declares, read and checked; arguments and errors as ``declare``.

    Args:
        note: told of each file before it is read, also of one that is not there.
    """
    found: dict[str, Declared] = {}
    for number, declaration in enumerate(config.endpoints):
        declared = _read(declaration, base_dir, f"$.endpoints[{number}]", note)
        name = declared.endpoint.name
        if twin := found.get(name):
            raise BadRequest(
                f"expected one declaration of each endpoint, got a second one of {name!r}, at "
                f"`{declared.at}`; the first is at `{twin.at}`"
            )
        found[name] = declared
    return list(found.values())


async def create_endpoint(control_plane: ControlPlane, endpoint: EndpointSpec) -> None:
    """Makes the endpoint, unless it is there. Its traffic can name deployments only later."""
    try:
        control_plane.endpoint(endpoint.name)
    except ResourceNotFound:
        await control_plane.put_endpoint(replace(endpoint, traffic={}, mirror_traffic={}))


async def put_deployment(control_plane: ControlPlane, deployment: DeploymentSpec) -> None:
    """Creates or updates a deployment; returns when it serves.

    Raises:
        TurnoutError: as ``ControlPlane.put_deployment``, or it did not come up.
    """
    operation = await control_plane.put_deployment(deployment)
    try:
        await operation.result()
    finally:
        # Nobody polls this operation: the log is the only place to say it.
        for warning in operation.record.warnings:
            log.warning(
                "deployment %r of endpoint %r: %s",
                deployment.name,
                deployment.endpoint_name,
                warning,
            )


def _read(declaration: Declaration, base_dir: Path, at: str, note: Note) -> Declared:
    path = base_dir / declaration.endpoint
    endpoint = _with_traffic(_load(EndpointSpec, path, note), declaration)
    paths = [base_dir / name for name in declaration.deployments]
    deployments = [_read_deployment(path, endpoint, note) for path in paths]
    names = [deployment.name for deployment in deployments]
    if doubled := next((name for name in names if names.count(name) > 1), None):
        raise BadRequest(
            f"expected deployments with names of their own, got {doubled!r} twice, at "
            f"`{at}.deployments`"
        )
    try:
        check_name("endpoint", endpoint.name)
        check_endpoint(endpoint, None)
        check_traffic(endpoint.traffic, endpoint.mirror_traffic, names)
        check_deployment_count(len(names))
    except BadRequest as error:
        raise BadRequest(f"{path}, declared at `{at}`: {error.message}") from None
    return Declared(at=at, files=(path, *paths), endpoint=endpoint, deployments=tuple(deployments))


def _with_traffic(endpoint: EndpointSpec, declaration: Declaration) -> EndpointSpec:
    """The endpoint with the traffic that the declaration gives it, if it gives any."""
    return replace(
        endpoint,
        traffic=declaration.traffic or endpoint.traffic,
        mirror_traffic=declaration.mirror_traffic or endpoint.mirror_traffic,
    )


def _read_deployment(path: Path, endpoint: EndpointSpec, note: Note) -> DeploymentSpec:
    deployment = _load(DeploymentSpec, path, note)
    environment = deployment.environment
    if isinstance(environment, Environment) and isinstance(environment.conda_file, str):
        note(path.parent / environment.conda_file)
    deployment = replace(with_absolute_paths(deployment, path.parent), endpoint_name=endpoint.name)
    try:
        check_name("deployment", deployment.name)
        check_deployment(deployment, is_kubernetes=endpoint.is_kubernetes)
        check_environment_variables(deployment.environment_variables)
        check_paths(deployment)
        if (conda := conda_of(deployment)) is not None:
            read_conda(conda)
    except BadRequest as error:
        raise BadRequest(f"{path}: {error.message}") from None
    return deployment


def _load(type_: type[T], path: Path, note: Note) -> T:
    note(path)
    return parse(type_, read_yaml(path), str(path))
