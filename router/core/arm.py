"""Config types to and from the JSON bodies of Azure Resource Manager (azure.md 8.2).

Both sides of the REST API use it: the control plane reads what the command line writes.
The bodies' shapes are in arm_bodies.py. What has no place in those bodies or no meaning here
is not carried: ``$schema``, data_collector, what an inline model is besides its path.
"""

from collections.abc import Mapping
from typing import Literal, TypeVar

import msgspec

from router.core import arm_bodies
from router.core.arm_scale import (
    resources,
    resources_to_arm,
    scale_settings,
    scale_settings_to_arm,
)
from router.core.arm_settings import (
    arm_duration,
    identity,
    identity_to_arm,
    parse_arm_duration,
    probe,
    probe_to_arm,
    request_settings,
    request_settings_to_arm,
)
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec, Environment, Model
from router.core.endpoint_spec import AuthMode, EndpointSpec
from router.core.errors import BadRequest
from router.core.parse import parse

__all__ = [
    "arm_duration",
    "deployment_from_arm",
    "deployment_to_arm",
    "endpoint_from_arm",
    "endpoint_to_arm",
    "parse_arm_duration",
]

LOCATION = "local"

_AUTH_MODES: dict[AuthMode, str] = {
    "key": "Key",
    "aml_token": "AMLToken",
    "aad_token": "AADToken",
}
_AUTH_MODE_OF: dict[str, AuthMode] = {word: mode for mode, word in _AUTH_MODES.items()}

# What names a registered asset, rather than a local path.
_REGISTERED = ("azureml:", "/subscriptions/")

Spec = TypeVar("Spec", EndpointSpec, DeploymentSpec)


def endpoint_to_arm(spec: EndpointSpec) -> dict[str, object]:
    """The body of a PUT that declares ``spec``."""
    properties: dict[str, object] = {
        "authMode": _AUTH_MODES[spec.auth_mode],
        "properties": spec.properties,
        "traffic": spec.traffic,
        "mirrorTraffic": spec.mirror_traffic,
        "publicNetworkAccess": spec.public_network_access.capitalize(),
        "compute": spec.compute,
        "description": spec.description,
    }
    return {
        "location": LOCATION,
        "identity": identity_to_arm(spec.identity),
        "tags": spec.tags,
        "properties": _without_nulls(properties),
    }


def endpoint_from_arm(name: str, body: object, source: str) -> EndpointSpec:
    """The endpoint ``name`` that a PUT's body declares.

    Args:
        name: from the URL.
        body: plain data, as a JSON parser returns it; a GET's answer will do.
        source: for messages, e.g. "request body".

    Raises:
        BadRequest: the first thing that is wrong, with its place and value.
    """
    declared = parse(arm_bodies.EndpointBody, body, source)
    _check_same_name(name, declared.name, source)
    properties = declared.properties
    spec = EndpointSpec(
        name=name,
        description=properties.description,
        tags=declared.tags or {},
        properties=properties.properties or {},
        auth_mode=_AUTH_MODE_OF[properties.auth_mode],
        compute=properties.compute,
        identity=identity(declared.identity),
        public_network_access=_enabled(properties.public_network_access),
        traffic=properties.traffic or {},
        mirror_traffic=properties.mirror_traffic or {},
    )
    return _checked(EndpointSpec, spec, source)


def deployment_to_arm(spec: DeploymentSpec) -> dict[str, object]:
    """The body of a PUT that declares ``spec``; paths go as they are."""
    properties: dict[str, object] = {
        "endpointComputeType": spec.type.capitalize(),
        "description": spec.description,
        "properties": spec.properties,
        "codeConfiguration": {
            "codeId": spec.code_configuration.code,
            "scoringScript": spec.code_configuration.scoring_script,
        },
        "model": spec.model.path if isinstance(spec.model, Model) else spec.model,
        "modelMountPath": spec.model_mount_path,
        **_environment_to_arm(spec.environment),
        "environmentVariables": spec.environment_variables,
        "instanceType": spec.instance_type,
        "appInsightsEnabled": spec.app_insights_enabled,
        "egressPublicNetworkAccess": spec.egress_public_network_access.capitalize(),
        "privateNetworkConnection": spec.private_network_connection,
        "containerResourceRequirements": resources_to_arm(spec.resources),
        "scaleSettings": scale_settings_to_arm(spec.scale_settings),
        "requestSettings": request_settings_to_arm(spec.request_settings),
        "livenessProbe": probe_to_arm(spec.liveness_probe),
        "readinessProbe": probe_to_arm(spec.readiness_probe),
    }
    return {
        "location": LOCATION,
        "tags": spec.tags,
        "sku": {"name": "Default", "capacity": spec.instance_count},
        "properties": _without_nulls(properties),
    }


def deployment_from_arm(endpoint_name: str, name: str, body: object, source: str) -> DeploymentSpec:
    """The deployment that a PUT's body declares; arguments and errors as endpoint_from_arm."""
    declared = parse(arm_bodies.DeploymentBody, body, source)
    _check_same_name(name, declared.name, source)
    properties = declared.properties
    code = properties.code_configuration
    spec = DeploymentSpec(
        name=name,
        endpoint_name=endpoint_name,
        code_configuration=CodeConfiguration(code=code.code_id, scoring_script=code.scoring_script),
        description=properties.description,
        tags=declared.tags or {},
        properties=properties.properties or {},
        type="managed" if properties.endpoint_compute_type == "Managed" else "kubernetes",
        model=_model(properties.model),
        model_mount_path=properties.model_mount_path,
        environment=_environment(properties),
        environment_variables=properties.environment_variables or {},
        instance_type=properties.instance_type,
        instance_count=declared.sku.capacity if declared.sku else 1,
        app_insights_enabled=properties.app_insights_enabled,
        egress_public_network_access=_enabled(properties.egress_public_network_access),
        private_network_connection=properties.private_network_connection,
        resources=resources(properties.container_resource_requirements),
        scale_settings=scale_settings(properties.scale_settings, source),
        request_settings=request_settings(properties.request_settings, source),
        liveness_probe=probe(properties.liveness_probe, "livenessProbe", source),
        readiness_probe=probe(properties.readiness_probe, "readinessProbe", source),
    )
    return _checked(DeploymentSpec, spec, source)


def _check_same_name(expected: str, got: str | None, source: str) -> None:
    if got is not None and got != expected:
        raise BadRequest(
            f"{source}: expected the name in the URL, {expected!r}, got {got!r}, at `$.name`"
        )


def _checked(type_: type[Spec], spec: Spec, source: str) -> Spec:
    """The spec, once config.py's ranges hold. They are worded with the YAML's keys."""
    return parse(type_, msgspec.to_builtins(spec), f"{source}, read as YAML")


def _without_nulls(properties: Mapping[str, object]) -> dict[str, object]:
    return {key: value for key, value in properties.items() if value is not None}


def _enabled(value: str) -> Literal["enabled", "disabled"]:
    return "enabled" if value == "Enabled" else "disabled"


def _model(model: str | None) -> str | Model | None:
    if model is None or model.startswith(_REGISTERED):
        return model
    return Model(path=model)


def _environment(properties: arm_bodies.DeploymentProperties) -> str | Environment | None:
    inline = properties.environment
    if inline is None:
        return properties.environment_id
    return Environment(
        name=inline.name,
        version=inline.version,
        image=inline.image,
        conda_file=inline.conda_file,
    )


def _environment_to_arm(environment: str | Environment | None) -> dict[str, object]:
    if not isinstance(environment, Environment):
        return {"environmentId": environment}
    inline: dict[str, object] = {
        "name": environment.name,
        "version": environment.version,
        "image": environment.image,
        "condaFile": environment.conda_file,
    }
    return {"environment": _without_nulls(inline)}
