"""What commands print: the control plane's bodies in the shape of az (azure.md 3.4).

Keys are those of the YAML, with what the control plane adds to it.
"""

from collections.abc import Iterable, Mapping
from typing import Any

from router.cli.specs import plain
from router.core.arm import deployment_from_arm, endpoint_from_arm

SOURCE = "the control plane's answer"

_ASSET_RESOURCE = ("id", "resourceGroup")

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
    shape["properties"] |= _known(body.get("systemData") or {})
    return {**shape, **_known(added)}


def endpoint_plain(body: Mapping[str, Any]) -> dict[str, Any]:
    """An endpoint as its YAML would say it."""
    return plain(endpoint_from_arm(body["name"], body, SOURCE))


def deployment_shape(endpoint_name: str, body: Mapping[str, Any]) -> dict[str, Any]:
    """A deployment as `show` prints it."""
    properties = body["properties"]
    added = {
        **_resource(body),
        # What az calls a deployment's type already says it.
        "kind": None,
        "provisioning_state": properties.get("provisioningState"),
        "provisioning_error": properties.get("provisioningError"),
        "creation_context": _creation_context(body.get("systemData") or {}),
    }
    spec = deployment_from_arm(endpoint_name, body["name"], body, SOURCE)
    return {**plain(spec), **_known(added)}


def asset_shape(name: str | None, body: Mapping[str, Any]) -> dict[str, Any]:
    """A version of an asset, or a name with all its versions, as `show` and `list` print it.

    Args:
        name: the asset's; None for a body that is of all versions, and has it.
    """
    properties = body["properties"]
    own = {
        "path": properties.get("modelUri") or properties.get("codeUri"),
        "type": properties.get("modelType"),
        "flavors": properties.get("flavors"),
        "conda_file": properties.get("condaFile"),
        "image": properties.get("image"),
        "os_type": properties.get("osType"),
        "latest version": properties.get("latestVersion"),
    }
    resource = {key: value for key, value in _resource(body).items() if key in _ASSET_RESOURCE}
    return {
        **_known({**resource, **own}),
        "name": name or body["name"],
        "version": body["name"] if name else None,
        "description": properties.get("description"),
        "tags": properties.get("tags") or {},
        "properties": properties.get("properties") or {},
        "creation_context": _creation_context(body.get("systemData") or {}),
        **({"archived": True} if properties.get("isArchived") else {}),
    }


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


def _creation_context(system_data: Mapping[str, Any]) -> dict[str, Any]:
    named = {"created_at": "createdAt", "last_modified_at": "lastModifiedAt"}
    return _known({key: system_data.get(arm_key) for key, arm_key in named.items()})


def _identity(identity: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if identity is None:
        return None
    named = {"principal_id": "principalId", "tenant_id": "tenantId"}
    type_ = "user_assigned" if identity["type"] == "UserAssigned" else "system_assigned"
    return _known({"type": type_, **{k: identity.get(v) for k, v in named.items()}})


def _known(value: Mapping[str, Any]) -> dict[str, Any]:
    return {key: item for key, item in value.items() if item is not None}
