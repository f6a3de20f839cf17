"""Config types to and from the JSON bodies of Azure Resource Manager (azure.md 8.2).

Both sides of the REST API use it: the control plane reads what the command line writes.
What a server adds to its answers (id, state, URIs) is accepted and ignored on the way in,
so that a client may send back what it was given; any other unknown key is refused.
"""

import re
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

from router.core.config import (
    REQUEST_TIMEOUT_MS_MAX,
    CodeConfiguration,
    DeploymentSpec,
    EndpointSpec,
    Environment,
    InstanceCount,
    Model,
    Percent,
    Positive,
    Probe,
    RequestSettings,
)
from router.core.errors import BadRequest
from router.core.parse import parse

LOCATION = "local"
MS_PER_S = 1000

# Clients send percents as numbers or as numeric strings (azure.md 8.5).
_Percent = Percent | Annotated[str, Meta(pattern="^[0-9]{1,3}$")]
_DURATION = re.compile(
    r"P(?:(?P<days>\d+)D)?(?:T(?:(?P<hours>\d+)H)?(?:(?P<minutes>\d+)M)?(?:(?P<seconds>\d+(?:\.\d+)?)S)?)?"
)
_REGISTERED_PREFIXES = ("azureml:", "azureml//", "/subscriptions/")


class _Body(Struct, kw_only=True, rename="camel", forbid_unknown_fields=True):
    """Base of all bodies. A field of type ``object`` is read-only: accepted and ignored."""


class _EndpointProperties(_Body):
    auth_mode: Literal["Key", "key"] = "Key"
    description: str | None = None
    properties: dict[str, str] | None = None
    traffic: dict[str, _Percent] | None = None
    mirror_traffic: dict[str, _Percent] | None = None
    public_network_access: Literal["Enabled", "enabled"] | None = None
    compute: None = None
    scoring_uri: object = None
    swagger_uri: object = None
    provisioning_state: object = None


class _EndpointBody(_Body):
    properties: _EndpointProperties
    tags: dict[str, str] | None = None
    name: str | None = None
    location: object = None
    identity: object = None
    kind: object = None
    id: object = None
    type: object = None
    system_data: object = None


class _Sku(_Body):
    capacity: InstanceCount = 1
    name: object = None
    tier: object = None


class _CodeConfiguration(_Body):
    code_id: str
    scoring_script: str


class _Environment(_Body):
    name: str | None = None
    version: str | None = None
    image: str | None = None
    conda_file: str | dict[str, object] | None = None


class _RequestSettings(_Body):
    request_timeout: str | None = None
    max_concurrent_requests_per_instance: Positive = 1
    max_queue_wait: str | None = None


class _Probe(_Body):
    initial_delay: str | None = None
    period: str | None = None
    timeout: str | None = None
    success_threshold: Positive = 1
    failure_threshold: Positive = 30


class _ScaleSettings(_Body):
    scale_type: Literal["Default", "default"] = "Default"


class _DeploymentProperties(_Body):
    code_configuration: _CodeConfiguration
    endpoint_compute_type: Literal["Managed", "managed"] = "Managed"
    description: str | None = None
    properties: dict[str, str] | None = None
    model: str | None = None
    environment_id: str | None = None
    # Not Azure's: an inline environment, which clients of Azure register first.
    environment: _Environment | None = None
    environment_variables: dict[str, str] | None = None
    instance_type: str | None = None
    app_insights_enabled: bool = False
    egress_public_network_access: Literal["Enabled", "Disabled", "enabled", "disabled"] | None = (
        None
    )
    scale_settings: _ScaleSettings | None = None
    request_settings: _RequestSettings | None = None
    liveness_probe: _Probe | None = None
    readiness_probe: _Probe | None = None
    private_network_connection: Literal[False] | None = None
    provisioning_state: object = None
    # Not Azure's: why provisioningState is Failed.
    provisioning_error: object = None


class _DeploymentBody(_Body):
    properties: _DeploymentProperties
    sku: _Sku | None = None
    tags: dict[str, str] | None = None
    name: str | None = None
    location: object = None
    identity: object = None
    kind: object = None
    id: object = None
    type: object = None
    system_data: object = None
