"""What users declare of an endpoint (azure.md section 2.1), with defaults and ranges.

Reading it, with messages for people, is in parse.py; rules that concern more than one
object are in rules.py.
"""

from typing import Literal

from msgspec import field

from router.core.declared import Declared, Percent

# azure.md section 2.1; the two messages for a broken name are in rules.py.
NAME_PATTERN = r"^[a-zA-Z]([-a-zA-Z0-9]*[a-zA-Z0-9])?$"
NAME_LENGTH_MIN, NAME_LENGTH_MAX = 3, 32

AuthMode = Literal["key", "aml_token", "aad_token"]


class UserAssignedIdentity(Declared, frozen=True):
    """One of Azure's managed identities."""

    resource_id: str
    client_id: str | None = None
    principal_id: str | None = None


class Identity(Declared, frozen=True):
    """Who an endpoint is in Azure; nobody in particular here."""

    type: Literal["system_assigned", "user_assigned"] = "system_assigned"
    user_assigned_identities: list[UserAssignedIdentity] = []
    principal_id: str | None = None
    tenant_id: str | None = None


class EndpointSpec(Declared, frozen=True):
    """What clients call: a name, credentials and traffic rules.

    Attributes:
        compute: the name of a Kubernetes cluster; its presence makes the endpoint one of
            the kind Kubernetes (azure.md 2.1).
        traffic: deployment name to percent of live requests; sums to 0 or 100.
        mirror_traffic: at most one deployment name to percent (0 to 50) of live
            requests that are also copied to it.
        id, kind, location, scoring_uri, openapi_uri, provisioning_state: what `show`
            prints; accepted, so that its output can be declared again, and ignored.
    """

    name: str
    schema: str | None = field(default=None, name="$schema")
    description: str | None = None
    tags: dict[str, str] = {}
    properties: dict[str, str] = {}
    auth_mode: AuthMode = "key"
    compute: str | None = None
    identity: Identity | None = None
    public_network_access: Literal["enabled", "disabled"] = "enabled"
    traffic: dict[str, Percent] = {}
    mirror_traffic: dict[str, Percent] = {}
    id: object = None
    kind: object = None
    location: object = None
    scoring_uri: object = None
    openapi_uri: object = None
    provisioning_state: object = None

    @property
    def is_kubernetes(self) -> bool:
        """Whether its deployments are of the type kubernetes."""
        return self.compute is not None
