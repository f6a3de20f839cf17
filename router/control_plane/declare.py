"""Endpoints that the daemon's file declares: read from Azure's YAML files, then brought up.

A declaration is carried out when it is new or has changed since it was carried out last.
So a restart does not undo what was done through the API meanwhile, such as a rollout.
"""

import hashlib
import logging
from pathlib import Path

import msgspec
from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.service import ControlPlane
from router.core.config import DaemonConfig, Declaration
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.parse import T, parse
from router.core.rules import check_name, check_traffic
from router.yaml_files import read_yaml, with_absolute_paths

log = logging.getLogger(__name__)


class Declared(Struct, frozen=True, kw_only=True):
    """An endpoint with its deployments; paths are absolute, rules are checked."""

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
        name = declared.endpoint.name
        fingerprint = hashlib.sha256(msgspec.json.encode(declared)).hexdigest()
        if control_plane.declaration(name) != fingerprint:
            # One that a former control plane had begun is gone on with first.
            await control_plane.operations.until_free(name)
            await _carry_out(control_plane, declared)
            control_plane.save_declaration(name, fingerprint)


def read_declarations(config: DaemonConfig, base_dir: Path) -> list[Declared]:
    """What ``config`` declares, read and checked; arguments and errors as ``declare``."""
    return [_read(declaration, base_dir) for declaration in config.endpoints]


async def _carry_out(control_plane: ControlPlane, declared: Declared) -> None:
    endpoint = declared.endpoint
    if all(known.spec.name != endpoint.name for known in control_plane.endpoints()):
        # Its traffic can name deployments only once they are there.
        await control_plane.put_endpoint(replace(endpoint, traffic={}, mirror_traffic={}))
    for deployment in declared.deployments:
        operation = await control_plane.put_deployment(deployment)
        try:
            await operation.result()
        finally:
            # Nobody polls this operation: the log is the only place to say it.
            for warning in operation.record.warnings:
                log.warning(
                    "deployment %r of endpoint %r: %s", deployment.name, endpoint.name, warning
                )
    await control_plane.put_endpoint(endpoint)


def _read(declaration: Declaration, base_dir: Path) -> Declared:
    endpoint = _load(EndpointSpec, base_dir / declaration.endpoint)
    check_name("endpoint", endpoint.name)
    deployments = []
    for name in declaration.deployments:
        path = base_dir / name
        deployment = with_absolute_paths(_load(DeploymentSpec, path), path.parent)
        check_name("deployment", deployment.name)
        deployments.append(replace(deployment, endpoint_name=endpoint.name))
    endpoint = replace(
        endpoint,
        traffic=declaration.traffic or endpoint.traffic,
        mirror_traffic=declaration.mirror_traffic or endpoint.mirror_traffic,
    )
    names = {deployment.name for deployment in deployments}
    check_traffic(endpoint.traffic, endpoint.mirror_traffic, names)
    return Declared(endpoint=endpoint, deployments=tuple(deployments))


def _load(type_: type[T], path: Path) -> T:
    return parse(type_, read_yaml(path), str(path))
