"""What commands print: the control plane's bodies in the shape of az (azure.md 3.4).

Keys are those of the YAML, with what the control plane adds to it.
"""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

import yaml

from router.cli.specs import plain
from router.core.arm import deployment_from_arm, endpoint_from_arm

SOURCE = "the control plane's answer"

_LISTED = {
    "endpoint": (
        "name",
        "location",
        "traffic",
        "mirror_traffic",
        "provisioning_state",
        "kind",
        "tags",
    ),
    "deployment": (
        "name",
        "endpoint_name",
        "provisioning_state",
        "instance_type",
        "model",
        "type",
    ),
}


def endpoint_shape(body: Mapping[str, Any]) -> dict[str, Any]:
    """An endpoint as `show` prints it, but for the zeros in its traffic."""
    properties = body["properties"]
    added = {
        **_resource(body),
        "scoring_uri": properties.get("scoringUri"),
        "openapi_uri": properties.get("swaggerUri"),
        "provisioning_state": properties.get("provisioningState"),
        "identity": _identity(body.get("identity")),
    }
    shape = endpoint_plain(body)
    shape["properties"] |= _creation_properties(body.get("systemData") or {})
    if shape.get("compute") is not None:
        del shape["public_network_access"]
    return {**shape, **_known(added)}


def endpoint_plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """An endpoint as its YAML would say it."""
    return plain(endpoint_from_arm(body["name"], body, SOURCE))


def deployment_shape(endpoint_name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment as `show` prints it."""
    properties = body["properties"]
    shape = deployment_plain(endpoint_name, body)
    added = {
        "id": body.get("id"),
        "resourceGroup": _resource_group(body.get("id")),
        "provisioning_state": properties.get("provisioningState"),
        "provisioning_error": properties.get("provisioningError"),
        "instances": properties.get("instances"),
    }
    if shape["type"] == "managed":
        added["creation_context"] = _creation_context(body.get("systemData") or {})
    return {**shape, **_known(added)}


def deployment_plain(endpoint_name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment as its YAML would say it, in az's words and without what az leaves out."""
    spec = deployment_from_arm(endpoint_name, body["name"], body, SOURCE)
    shape = plain(spec)
    for key in ("model", "environment"):
        if key in shape:
            shape[key] = _asset(shape[key])
    if spec.scale_settings.type == "default":
        shape["scale_settings"] = {"type": "default"}
    if not spec.private_network_connection:
        del shape["private_network_connection"]
    if spec.type == "kubernetes":
        del shape["egress_public_network_access"]
    return shape


def asset_shape(name: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """A version of an asset, or a name with all its versions, as `show` and `list` print it.

    Args:
        name: the asset's; None for a body that is of all versions, and has it.
    """
    properties = body["properties"]
    conda_file = properties.get("condaFile")
    shape = {
        "id": f"azureml:{body['id']}",
        "resourceGroup": _resource_group(body["id"]),
        "name": name or body["name"],
        "version": body["name"] if name else None,
        "latest_version": properties.get("latestVersion"),
        "description": properties.get("description"),
        "path": properties.get("modelUri") or properties.get("codeUri"),
        "type": properties.get("modelType"),
        "flavors": properties.get("flavors") or None,
        "conda_file": yaml.safe_load(conda_file) if conda_file else None,
        "image": properties.get("image"),
        "os_type": (properties.get("osType") or "").lower() or None,
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties"),
        "creation_context": _creation_context(body.get("systemData") or {}),
        "archived": properties.get("isArchived") or None,
    }
    return _known(shape)


def with_zeros(endpoint: Mapping[str, Any], deployments: Iterable[str]) -> dict[str, Any]:
    """The endpoint with a 0 in its traffic for each deployment that gets none of any kind."""
    traffic = dict(endpoint["traffic"])
    for name in deployments:
        if name not in endpoint["mirror_traffic"]:
            traffic.setdefault(name, 0)
    return {**endpoint, "traffic": traffic}


def listed(noun: str, shape: Mapping[str, Any]) -> dict[str, Any]:
    """The part of an endpoint or deployment that `list` prints."""
    return {key: shape.get(key) for key in _LISTED[noun]}


def _resource(body: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "id": body.get("id"),
        "kind": body.get("kind"),
        "location": body.get("location"),
        "resourceGroup": _resource_group(body.get("id")),
    }


def _resource_group(id_: str | None) -> str | None:
    """The group that az adds to whatever has an id: `/subscriptions/{s}/resourceGroups/{rg}/…`."""
    _, _, rest = (id_ or "").partition("/resourceGroups/")
    return rest.split("/")[0] or None


def _asset(value: str | dict[str, Any]) -> str | dict[str, Any]:
    """A registered one by its id, as az writes it; what a file declares inline, without blanks."""
    if isinstance(value, dict):
        return {key: item for key, item in value.items() if item not in ({}, "custom_model")}
    return f"azureml:{value}" if value.startswith("/") else value


def _creation_context(system_data: Mapping[str, Any]) -> dict[str, Any]:
    times = {"created_at": "createdAt", "last_modified_at": "lastModifiedAt"}
    actors = {
        "created_by": "createdBy",
        "created_by_type": "createdByType",
        "last_modified_by": "lastModifiedBy",
        "last_modified_by_type": "lastModifiedByType",
    }
    known = {key: _time(system_data.get(arm_key)) for key, arm_key in times.items()}
    return _known(known | {key: system_data.get(arm_key) for key, arm_key in actors.items()})


def _creation_properties(system_data: Mapping[str, Any]) -> dict[str, Any]:
    """What az puts of it among an endpoint's properties, where the zone has no colon."""
    times = {key: _time(system_data.get(key)) for key in ("createdAt", "lastModifiedAt")}
    basic = {key: time and time[:-3] + time[-2:] for key, time in times.items()}
    return _known({**basic, "createdBy": system_data.get("createdBy")})


def _time(text: str | None) -> str | None:
    """Microseconds, as Python writes them."""
    return datetime.fromisoformat(text).isoformat(timespec="microseconds") if text else None


def _identity(identity: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if identity is None:
        return None
    named = {"principal_id": "principalId", "tenant_id": "tenantId"}
    type_ = "user_assigned" if identity["type"] == "UserAssigned" else "system_assigned"
    return _known({"type": type_, **{k: identity.get(v) for k, v in named.items()}})


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}
