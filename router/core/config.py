"""What users declare: endpoints, deployments and the daemon's own settings.

Each type is the shape of one YAML file (azure.md section 2), with its defaults and
ranges. Reading them, with messages for people, is in parse.py; rules that concern
more than one object are in rules.py. Nothing here touches files.
"""

from typing import Annotated, Literal

from msgspec import Meta, Struct, field

# azure.md section 2.1; the two messages for a broken name are in rules.py.
NAME_PATTERN = r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
NAME_LENGTH_MIN, NAME_LENGTH_MAX = 3, 32

Port = Annotated[int, Meta(ge=0, le=65535)]
Percent = Annotated[int, Meta(ge=0, le=100)]
Positive = Annotated[int, Meta(ge=1)]


class _Declared(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of everything a user writes: an unknown key is refused, never ignored."""


class RequestSettings(_Declared, frozen=True):
    """Limits of one deployment's requests (azure.md section 2.2)."""

    request_timeout_ms: Annotated[int, Meta(ge=1, le=180_000)] = 5000
    max_concurrent_requests_per_instance: Positive = 1
    # Deprecated by Azure and without effect: time in the queue counts into the timeout.
    max_queue_wait_ms: Annotated[int, Meta(ge=0)] = 500


class Probe(_Declared, frozen=True):
    """A health check's rhythm; times in seconds (azure.md section 2.2)."""

    initial_delay: Positive = 10
    period: Positive = 10
    timeout: Positive = 2
    success_threshold: Positive = 1
    failure_threshold: Positive = 30


class CodeConfiguration(_Declared, frozen=True):
    """Where the scoring script is: a folder, and a file in it."""

    code: str
    scoring_script: str


class Model(_Declared, frozen=True):
    """An inline model: a file or folder that the script finds below AZUREML_MODEL_DIR."""

    path: str
    name: str | None = None
    version: str | None = None
    type: str = "custom_model"


class Environment(_Declared, frozen=True):
    """An inline environment. Read, but scripts run in the daemon's own Python for now."""

    name: str | None = None
    version: str | None = None
    image: str | None = None
    conda_file: str | dict[str, object] | None = None


class ScaleSettings(_Declared, frozen=True):
    """Managed deployments scale by instance_count only (azure.md section 2.2)."""

    type: Literal["default"] = "default"


class EndpointSpec(_Declared, frozen=True):
    """What clients call: a name, credentials and traffic rules.

    Attributes:
        traffic: deployment name to percent of live requests; sums to 0 or 100.
        mirror_traffic: at most one deployment name to percent (0 to 50) of live
            requests that are also copied to it.
    """

    name: str
    schema: str | None = field(default=None, name="$schema")
    description: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    auth_mode: Literal["key"] = "key"
    traffic: dict[str, Percent] = {}
    mirror_traffic: dict[str, Percent] = {}


class DeploymentSpec(_Declared, frozen=True):
    """One version behind an endpoint: model, code, environment, instance count."""

    name: str
    endpoint_name: str
    code_configuration: CodeConfiguration
    schema: str | None = field(default=None, name="$schema")
    description: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    type: Literal["managed"] = "managed"
    model: str | Model | None = None
    environment: str | Environment | None = None
    environment_variables: dict[str, str] = {}
    instance_type: str | None = None
    instance_count: Annotated[int, Meta(ge=1, le=50)] = 1
    app_insights_enabled: bool = False
    egress_public_network_access: Literal["enabled", "disabled"] = "enabled"
    scale_settings: ScaleSettings = ScaleSettings()
    request_settings: RequestSettings = RequestSettings()
    liveness_probe: Probe = Probe()
    readiness_probe: Probe = Probe()


class DataPlaneSettings(_Declared, frozen=True):
    """Where workers listen for scoring requests. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Port = 8080
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    max_payload_bytes: Positive = 16 * 1024 * 1024
    drain_timeout_ms: Positive = 30_000


class ControlPlaneSettings(_Declared, frozen=True):
    """Where the REST API listens. Port 0 takes a free one."""

    host: str = "127.0.0.1"
    port: Port = 8081


class Declaration(_Declared, frozen=True):
    """An endpoint that the daemon brings up at its start, as YAML files in Azure's format.

    Attributes:
        endpoint: path of the endpoint's YAML file, relative to the daemon's file.
        deployments: paths of its deployments' YAML files.
        traffic: what the endpoint's traffic is once they serve.
    """

    endpoint: str
    deployments: list[str] = []
    traffic: dict[str, Percent] = {}
    mirror_traffic: dict[str, Percent] = {}


class DaemonConfig(_Declared, frozen=True):
    """turnout.yml: the daemon's own settings; the defaults are DESIGN.md's fixed names.

    Attributes:
        state_dir: where state, logs, sockets and assets are kept, relative to the file.
    """

    data_plane: DataPlaneSettings = DataPlaneSettings()
    control_plane: ControlPlaneSettings = ControlPlaneSettings()
    state_dir: str = ".turnout"
    endpoints: list[Declaration] = []
