"""turnout.yml: the daemon's own settings; the defaults are DESIGN.md's fixed names.

What users declare of endpoints and deployments is in endpoint_spec.py and
deployment_spec.py. Reading, with messages for people, is in parse.py. Nothing here
touches files.
"""

from typing import Annotated

from msgspec import UNSET, Meta, UnsetType

from router.core.declared import Declared, Percent, Port, Positive
from router.core.deployment_spec import ResourceRequirements
from router.core.listener_limits import ListenerLimits
from router.core.quota_settings import QuotaSettings

_DEFAULTS = ListenerLimits()


class TlsFiles(Declared, frozen=True):
    """PEM files, relative to the daemon's file. Changed ones are taken while it runs."""

    certificate: str
    key: str


class DataPlaneSettings(Declared, frozen=True):
    """Where workers listen for scoring requests. Port 0 takes a free one.

    What limits clients is explained in listener_limits.py.

    Attributes:
        tls: None for plain HTTP.
        journal: whether each worker writes down all that enters its core and is decided
            there, for `turnout simulate --replay`. Bodies, headers and keys are not in it.
        journal_max_bytes: where a worker's journal ends.
        traffic_log: whether each worker writes a line for each request (azure.md 5.3).
    """

    host: str = "127.0.0.1"
    port: Port = 8080
    workers: Annotated[int, Meta(ge=1, le=64)] = 1
    max_payload_bytes: Positive = _DEFAULTS.max_payload_bytes
    max_connections: Positive = _DEFAULTS.max_connections
    header_timeout_ms: Positive = _DEFAULTS.header_timeout_ms
    body_timeout_ms: Positive = _DEFAULTS.body_timeout_ms
    write_timeout_ms: Positive = _DEFAULTS.write_timeout_ms
    keep_alive_timeout_ms: Positive = _DEFAULTS.keep_alive_timeout_ms
    drain_timeout_ms: Positive = 30_000
    journal: bool = False
    journal_max_bytes: Positive = 1024**3
    traffic_log: bool = False
    tls: TlsFiles | None = None

    @property
    def limits(self) -> ListenerLimits:
        """Those of each worker's listener."""
        names = ListenerLimits.__struct_fields__
        return ListenerLimits(**{name: getattr(self, name) for name in names})


class ControlPlaneSettings(Declared, frozen=True):
    """Where the REST API listens. Port 0 takes a free one.

    Attributes:
        port: of plain HTTP, for the command line.
        tls_port: of HTTPS, for Azure's SDK; null for none. Not set, it is 8443, or any free
            one if ``port`` is 0.
        token_file: holds what clients must show; required to listen beyond this machine.
        max_upload_bytes: what one file of code or of a model may be at most.
    """

    host: str = "127.0.0.1"
    port: Port = 8081
    tls_port: Port | UnsetType | None = UNSET
    token_file: str | None = None
    max_upload_bytes: Positive = 64 * 1024**3


class Declaration(Declared, frozen=True):
    """An endpoint that is the daemon's file's to change, as YAML files in Azure's format.

    Attributes:
        endpoint: path of the endpoint's YAML file, relative to the daemon's file.
        deployments: paths of its deployments' YAML files; others of the endpoint are deleted.
        traffic: what the endpoint's traffic is once they serve.
    """

    endpoint: str
    deployments: list[str] = []
    traffic: dict[str, Percent] = {}
    mirror_traffic: dict[str, Percent] = {}


class DaemonConfig(Declared, frozen=True):
    """turnout.yml.

    Attributes:
        state_dir: where state, logs, sockets and assets are kept, relative to the file.
        quotas: what endpoints may use.
        instance_types: what the names in deployments' `instance_type` stand for.
    """

    data_plane: DataPlaneSettings = DataPlaneSettings()
    control_plane: ControlPlaneSettings = ControlPlaneSettings()
    state_dir: str = ".turnout"
    quotas: QuotaSettings = QuotaSettings()
    instance_types: dict[str, ResourceRequirements] = {}
    endpoints: list[Declaration] = []
