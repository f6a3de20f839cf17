"""What users declare of a deployment (azure.md sections 2.2 and 2.3), with defaults and ranges.

Reading it, with messages for people, is in parse.py; rules that concern more than one
key are in rules.py. Nothing here touches files.
"""

from typing import Annotated, Literal

from msgspec import Meta, field

from router.core.declared import Declared, Positive

# Of a managed deployment; one of the type kubernetes may have the longer one.
TIMEOUT_MS_MAX, KUBERNETES_TIMEOUT_MS_MAX = 180_000, 300_000


class RequestSettings(Declared, frozen=True):
    """Limits of one deployment's requests (azure.md section 2.2)."""

    request_timeout_ms: Annotated[int, Meta(ge=1, le=KUBERNETES_TIMEOUT_MS_MAX)] = 5000
    max_concurrent_requests_per_instance: Positive = 1
    # Deprecated by Azure and without effect: time in the queue counts into the timeout.
    max_queue_wait_ms: Annotated[int, Meta(ge=0)] = 500


class Probe(Declared, frozen=True):
    """A health check's rhythm; times in seconds (azure.md section 2.2)."""

    initial_delay: Positive = 10
    period: Positive = 10
    timeout: Positive = 2
    success_threshold: Positive = 1
    failure_threshold: Positive = 30


class CodeConfiguration(Declared, frozen=True):
    """Where the scoring script is: a folder or a registered code asset, and a file in it."""

    code: str
    scoring_script: str


class Model(Declared, frozen=True):
    """An inline model: a file or folder that the script finds below AZUREML_MODEL_DIR."""

    path: str
    schema: str | None = field(default=None, name="$schema")
    name: str | None = None
    version: str | None = None
    description: str | None = None
    type: str = "custom_model"
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    flavors: dict[str, object] = {}
    stage: str | None = None


class Build(Declared, frozen=True):
    """How a container would be built; there are none here."""

    path: str | None = None
    dockerfile_path: str | None = None


class Route(Declared, frozen=True):
    """Where a custom container would answer; there are none here."""

    path: str
    port: Annotated[int, Meta(ge=1, le=65535)]


class InferenceConfig(Declared, frozen=True):
    """The routes of a custom container."""

    liveness_route: Route | None = None
    readiness_route: Route | None = None
    scoring_route: Route | None = None


class Environment(Declared, frozen=True):
    """An inline environment: the Python in which the scoring script runs.

    Attributes:
        conda_file: a path in YAML; what that file says once it has been read.
    """

    schema: str | None = field(default=None, name="$schema")
    name: str | None = None
    version: str | None = None
    description: str | None = None
    image: str | None = None
    conda_file: str | dict[str, object] | None = None
    build: Build | None = None
    inference_config: InferenceConfig | None = None
    os_type: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}


class ScaleSettings(Declared, frozen=True):
    """How many instances there are: instance_count, or as many as the load asks for.

    Attributes:
        type: managed deployments know only ``default`` (azure.md section 2.2).
        polling_interval: in seconds.
    """

    type: Literal["default", "target_utilization"] = "default"
    min_instances: Annotated[int, Meta(ge=1, le=50)] = 1
    max_instances: Annotated[int, Meta(ge=1, le=50)] = 1
    target_utilization_percentage: Annotated[int, Meta(ge=1, le=100)] = 70
    polling_interval: Positive = 1


class Resources(Declared, frozen=True):
    """Quantities as Kubernetes writes them: cpu "0.1" or "100m", memory "200Mi"."""

    cpu: str | None = None
    memory: str | None = None
    gpu: str | None = field(default=None, name="nvidia.com/gpu")


class ResourceRequirements(Declared, frozen=True):
    """What an instance asks for and what it may use at most (azure.md section 2.3)."""

    requests: Resources | None = None
    limits: Resources | None = None


class DataAsset(Declared, frozen=True):
    """Where collected data would go."""

    name: str | None = None
    path: str | None = None
    version: str | None = None


class Collection(Declared, frozen=True):
    """One kind of collected data."""

    enabled: Literal["true", "false"] = "false"
    data: str | DataAsset | None = None
    client_id: str | None = None


class RequestLogging(Declared, frozen=True):
    """Which headers would be logged."""

    capture_headers: list[str] = []


class DataCollector(Declared, frozen=True):
    """Azure's collection of what a model is asked and answers; nothing is collected here."""

    collections: dict[str, Collection] = {}
    rolling_rate: Literal["year", "month", "day", "hour", "minute"] = "hour"
    sampling_rate: Annotated[float, Meta(ge=0, le=1)] = 1.0
    request_logging: RequestLogging | None = None


class DeploymentSpec(Declared, frozen=True):
    """One version behind an endpoint: model, code, environment, instance count.

    Attributes:
        model, environment: inline, or the name of a registered one (``azureml:name:version``,
            ``azureml:name@latest``) or its id.
        instance_count: of the scale type ``default``; else scale_settings rule.
        id, kind, location, provisioning_state, provisioning_error, instances, creation_context:
            what `show` prints; accepted, so that its output can be declared again, and ignored.
    """

    name: str
    endpoint_name: str
    code_configuration: CodeConfiguration
    schema: str | None = field(default=None, name="$schema")
    description: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    type: Literal["managed", "kubernetes"] = "managed"
    model: str | Model | None = None
    model_mount_path: str | None = None
    environment: str | Environment | None = None
    environment_variables: dict[str, str] = {}
    instance_type: str | None = None
    instance_count: Annotated[int, Meta(ge=1, le=50)] = 1
    app_insights_enabled: bool = False
    egress_public_network_access: Literal["enabled", "disabled"] = "enabled"
    private_network_connection: bool = False
    data_collector: DataCollector | None = None
    resources: ResourceRequirements | None = None
    scale_settings: ScaleSettings = ScaleSettings()
    request_settings: RequestSettings = RequestSettings()
    liveness_probe: Probe = Probe()
    readiness_probe: Probe = Probe()
    id: object = None
    kind: object = None
    location: object = None
    provisioning_state: object = None
    provisioning_error: object = None
    instances: object = None
    creation_context: object = None
