"""Bodies of asset versions and of their containers: what clients PUT (azure.md 8.4, 8.5).

Types only. As in core/arm_bodies.py, what a server adds to its answers and what has no
meaning here is accepted, so that a client may send back what it was given.
"""

from typing import Any

import msgspec
from msgspec import UNSET, Struct, UnsetType

from router.control_plane.asset_records import Kind
from router.control_plane.rest import BODY
from router.core.parse import parse


class _Body(Struct, rename="camel", forbid_unknown_fields=True):
    """Base of all bodies."""


class _Properties(_Body, kw_only=True):
    """What all kinds have in common. Kept as it was sent; absent is not null."""

    description: str | None = None
    tags: dict[str, object] | None = None
    properties: dict[str, object] | None = None
    is_archived: bool | None = None
    is_anonymous: bool | None = None
    stage: object = None
    provisioning_state: object = None
    auto_delete_setting: object = None


class CodeProperties(_Properties, kw_only=True):
    """A folder of scripts."""

    code_uri: str


class ModelProperties(_Properties, kw_only=True):
    """A file or folder."""

    model_uri: str
    model_type: str | None = None
    flavors: dict[str, object] | None = None
    job_name: object = None
    datasets: object = None
    system_metadata: object = None
    intellectual_property: object = None
    default_deployment_template: object = None
    allowed_deployment_templates: object = None


class EnvironmentProperties(_Properties, kw_only=True):
    """What a script runs in; only the conda file has a meaning here."""

    conda_file: str | dict[str, Any] | None = None
    image: str | None = None
    build: object = None
    os_type: str | None = None
    inference_config: object = None
    auto_rebuild: object = None
    environment_type: object = None
    image_details: object = None
    intellectual_property: object = None


class ContainerProperties(_Body, kw_only=True):
    """What is said of a name as a whole."""

    description: str | None = None
    tags: dict[str, object] | None = None
    properties: dict[str, object] | None = None
    is_archived: bool | None = None
    latest_version: object = None
    next_version: object = None
    provisioning_state: object = None


class _Resource(_Body, kw_only=True):
    """What stands around the properties of every resource."""

    id: object = None
    name: object = None
    type: object = None
    system_data: object = None


class _CodeBody(_Resource, kw_only=True):
    properties: CodeProperties


class _ModelBody(_Resource, kw_only=True):
    properties: ModelProperties


class _EnvironmentBody(_Resource, kw_only=True):
    properties: EnvironmentProperties


class ContainerBody(_Resource, kw_only=True):
    """PUT and PATCH of ``codes/{name}`` and the like."""

    properties: ContainerProperties | UnsetType = UNSET


BODIES: dict[Kind, type[_CodeBody | _ModelBody | _EnvironmentBody]] = {
    "codes": _CodeBody,
    "models": _ModelBody,
    "environments": _EnvironmentBody,
}


def version_properties(kind: Kind, body: object) -> dict[str, object]:
    """The properties that the PUT of a version declares, without nulls.

    Raises:
        BadRequest: the first thing that is wrong, with its place and value.
    """
    return _declared(parse(BODIES[kind], body, BODY).properties)


def container_properties(body: object) -> dict[str, object]:
    """The properties that the PUT or PATCH of a container declares; errors as above."""
    properties = parse(ContainerBody, body, BODY).properties
    return {} if isinstance(properties, UnsetType) else _declared(properties)


def _declared(properties: _Body) -> dict[str, object]:
    found = msgspec.to_builtins(properties)
    assert isinstance(found, dict)
    return {key: value for key, value in found.items() if value is not None}
