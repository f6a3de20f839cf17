"""What the store keeps of endpoints, deployments and operations; how a declaration becomes it."""

import secrets
from datetime import UTC, datetime
from typing import Literal

from msgspec import Struct
from msgspec.structs import replace

from router.control_plane.asset_records import AssetId, Kind
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec

KEY_BYTES = 32

State = Literal["Creating", "Updating", "Scaling", "Deleting", "Succeeded", "Failed"]
OperationKind = Literal["Creating", "Updating", "Deleting"]
OperationStatus = Literal["Creating", "Updating", "Deleting", "Succeeded", "Failed"]

KeyType = Literal["Primary", "Secondary"]


class Keys(Struct, frozen=True, rename="camel"):
    """Either one opens the endpoint."""

    primary_key: str
    secondary_key: str


class StoredEndpoint(Struct, frozen=True, kw_only=True):
    """An endpoint as declared, with its credentials. Times are ISO 8601, UTC.

    Attributes:
        token_secret: signs the endpoint's tokens; never leaves the daemon and its workers.
    """

    spec: EndpointSpec
    primary_key: str
    secondary_key: str
    token_secret: str
    created_at: str
    modified_at: str
    state: State = "Succeeded"


class Serving(Struct, frozen=True, kw_only=True):
    """What a deployment's instances run: the last spec that came up.

    Attributes:
        revision: names this code, model and environment; instances carry it in their record.
    """

    spec: DeploymentSpec
    revision: int


class StoredDeployment(Struct, frozen=True, kw_only=True):
    """A deployment as declared, and what of it serves.

    Attributes:
        spec: as declared last; its paths are those of the assets.
        serving: None until it came up once; an older spec after an update that failed.
        error: why the state is Failed.
        assets: the registered ones that were named; ``spec`` has what they stood for then.
    """

    spec: DeploymentSpec
    state: State
    created_at: str
    modified_at: str
    serving: Serving | None = None
    error: str | None = None
    assets: dict[Kind, AssetId] = {}


class OperationError(Struct, frozen=True):
    """Why an operation failed, in the API's words."""

    code: str
    message: str


class StoredOperation(Struct, frozen=True, kw_only=True):
    """An operation that was accepted, and how it ended. Times are ISO 8601, UTC.

    Attributes:
        deployment: what it is about; None for the endpoint itself.
        ended_at: None while it runs, or is to be gone on with.
        message: how far it is, for people.
        warnings: what the user should know, though nothing failed.
        error: why it failed.
    """

    id: str
    kind: OperationKind
    endpoint: str
    deployment: str | None
    started_at: str
    ended_at: str | None = None
    message: str = ""
    warnings: tuple[str, ...] = ()
    error: OperationError | None = None

    @property
    def status(self) -> OperationStatus:
        """In the API's words."""
        if self.ended_at is None:
            return self.kind
        return "Succeeded" if self.error is None else "Failed"


def now() -> str:
    """The time of day, ISO 8601, UTC."""
    return datetime.now(UTC).isoformat(timespec="milliseconds")


def keys_of(endpoint: StoredEndpoint) -> Keys:
    """The endpoint's keys."""
    return Keys(endpoint.primary_key, endpoint.secondary_key)


def with_new_key(endpoint: StoredEndpoint, which: KeyType, value: str | None) -> StoredEndpoint:
    """The endpoint with one key replaced.

    Args:
        value: the new key. None and the present key, which clients of Azure send along
            (azure.md section 6), mean a random one.
    """
    present = endpoint.primary_key if which == "Primary" else endpoint.secondary_key
    key = _new_key() if value is None or value == present else value
    if which == "Primary":
        return replace(endpoint, primary_key=key, modified_at=now())
    return replace(endpoint, secondary_key=key, modified_at=now())


def _new_key() -> str:
    """A random key that needs no quoting anywhere."""
    return secrets.token_hex(KEY_BYTES)


def declared_endpoint(spec: EndpointSpec, old: StoredEndpoint | None) -> StoredEndpoint:
    """``spec`` in place of ``old``; the keys stay. A percent of 0 says the same as none."""
    spec = replace(
        spec,
        schema=None,
        traffic=_without_zeros(spec.traffic),
        mirror_traffic=_without_zeros(spec.mirror_traffic),
    )
    time = now()
    if old is not None:
        return replace(old, spec=spec, state="Succeeded", modified_at=time)
    return StoredEndpoint(
        spec=spec,
        primary_key=_new_key(),
        secondary_key=_new_key(),
        token_secret=_new_key(),
        created_at=time,
        modified_at=time,
    )


def declared_deployment(spec: DeploymentSpec, old: StoredDeployment | None) -> StoredDeployment:
    """``spec`` in place of ``old``; what serves stays, until the new one came up."""
    spec = replace(spec, schema=None)
    time = now()
    if old is not None:
        return replace(old, spec=spec, state="Updating", error=None, modified_at=time)
    return StoredDeployment(spec=spec, state="Creating", created_at=time, modified_at=time)


def _without_zeros(percents: dict[str, int]) -> dict[str, int]:
    return {name: percent for name, percent in percents.items() if percent}
