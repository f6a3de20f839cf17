"""The shapes of Azure Resource Manager's JSON bodies (azure.md 8.2); arm.py converts them.

Types only. Ranges are config.py's, checked after the conversion, so that each stands in
one place. What a server adds to its answers (id, state, URIs) is accepted and ignored, so
that a client may send back what it was given; any other unknown key is refused.
"""

from typing import Literal

from msgspec import Struct


class _Body(Struct, rename="camel", forbid_unknown_fields=True):
    """Base of all bodies. A field of type ``object`` is accepted and ignored."""


class _Resource(_Body):
    """What endpoints and deployments have in common."""

    tags: dict[str, str] | None = None
    name: str | None = None
    location: object = None
    kind: object = None
    id: object = None
    type: object = None
    system_data: object = None


class EndpointProperties(_Body):
    """An endpoint's own part."""

    auth_mode: Literal["Key", "AMLToken", "AADToken"] = "Key"
    description: str | None = None
    properties: dict[str, str] | None = None
    traffic: dict[str, int] | None = None
    mirror_traffic: dict[str, int] | None = None
    public_network_access: Literal["Enabled", "Disabled"] = "Enabled"
    compute: str | None = None
    keys: object = None
    scoring_uri: object = None
    swagger_uri: object = None
    provisioning_state: object = None


class Identity(_Body):
    """Who the endpoint is in Azure; the identities' own values are ignored."""

    type: Literal["SystemAssigned", "UserAssigned", "None"] = "SystemAssigned"
    user_assigned_identities: dict[str, object] | None = None
    principal_id: str | None = None
    tenant_id: str | None = None


class EndpointBody(_Resource, kw_only=True):
    """PUT and GET of ``onlineEndpoints/{name}``."""

    identity: Identity | None = None
    properties: EndpointProperties


class Sku(_Body):
    """Azure keeps instance_count here."""

    capacity: int = 1
    name: object = None
    tier: object = None
    size: object = None
    family: object = None


class CodeConfiguration(_Body):
    """Where the scoring script is; ``codeId`` is a code asset's id or an absolute local path."""

    code_id: str
    scoring_script: str


class Environment(_Body):
    """An inline environment."""

    name: str | None = None
    version: str | None = None
    image: str | None = None
    conda_file: str | dict[str, object] | None = None


class RequestSettings(_Body):
    """Durations are ISO 8601."""

    request_timeout: str = "PT5S"
    max_concurrent_requests_per_instance: int = 1
    max_queue_wait: str = "PT0.5S"


class Probe(_Body):
    """Durations are ISO 8601."""

    initial_delay: str = "PT10S"
    period: str = "PT10S"
    timeout: str = "PT2S"
    success_threshold: int = 1
    failure_threshold: int = 30


class ScaleSettings(_Body):
    """How many instances there are; the interval is ISO 8601."""

    scale_type: Literal["Default", "TargetUtilization"] = "Default"
    min_instances: int = 1
    max_instances: int = 1
    target_utilization_percentage: int = 70
    polling_interval: str = "PT1S"


class Resources(_Body):
    """Quantities as Kubernetes writes them."""

    cpu: str | None = None
    memory: str | None = None
    gpu: str | None = None


class ResourceRequirements(_Body):
    """What an instance asks for and what it may use at most."""

    container_resource_requests: Resources | None = None
    container_resource_limits: Resources | None = None


class DeploymentProperties(_Body):
    """A deployment's own part.

    Attributes:
        model: the id of a registered model, or an absolute local path.
        environment: an inline environment. Not Azure's: its clients register one first.
        provisioning_error: why provisioningState is Failed. Not Azure's either.
        instances: how they fare; see instances_state.py. Not Azure's either.
    """

    code_configuration: CodeConfiguration
    endpoint_compute_type: Literal["Managed", "Kubernetes"] = "Managed"
    description: str | None = None
    properties: dict[str, str] | None = None
    model: str | None = None
    model_mount_path: str | None = None
    environment_id: str | None = None
    environment: Environment | None = None
    environment_variables: dict[str, str] | None = None
    instance_type: str | None = None
    app_insights_enabled: bool = False
    egress_public_network_access: Literal["Enabled", "Disabled"] = "Enabled"
    private_network_connection: bool = False
    container_resource_requirements: ResourceRequirements | None = None
    scale_settings: ScaleSettings | None = None
    request_settings: RequestSettings | None = None
    liveness_probe: Probe | None = None
    readiness_probe: Probe | None = None
    startup_probe: object = None
    data_collector: object = None
    provisioning_state: object = None
    provisioning_error: object = None
    instances: object = None


class DeploymentBody(_Resource, kw_only=True):
    """PUT and GET of ``onlineEndpoints/{endpoint}/deployments/{name}``."""

    properties: DeploymentProperties
    sku: Sku | None = None
