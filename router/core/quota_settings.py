"""`quotas` of turnout.yml: what endpoints may use, for all of them and for single ones.

The operator sets them, as Azure does for a subscription (azure.md 4.5): they are not part
of an endpoint's own YAML. What they do is quota.py's.
"""

from collections.abc import Callable
from typing import Annotated, Literal

from msgspec import UNSET, Meta, UnsetType

from router.core.declared import Declared
from router.core.routing import EndpointQuota

# One read of a connection passes whole, and is up to 256 KiB: less than one burst of these.
BANDWIDTH_MIN, BANDWIDTH_MAX = 300_000, 9_000_000_000
# DESIGN.md: Azure's 5 MBPS, as bytes.
BANDWIDTH_DEFAULT = 5_000_000
UNLIMITED: Literal["unlimited"] = "unlimited"

QuotaOf = Callable[[str], EndpointQuota]
Unlimited = Literal["unlimited"]
Bandwidth = Annotated[int, Meta(ge=BANDWIDTH_MIN, le=BANDWIDTH_MAX)]
Count = Annotated[int, Meta(ge=1, le=1_000_000)]


class EndpointQuotaSettings(Declared, frozen=True):
    """One endpoint's own; what is not set is as for all. See QuotaSettings."""

    bandwidth_bytes_per_s: Bandwidth | Unlimited | UnsetType = UNSET
    requests_per_s: Count | Unlimited | UnsetType = UNSET
    connections: Count | Unlimited | UnsetType = UNSET
    connections_per_s: Count | Unlimited | UnsetType = UNSET


class QuotaSettings(Declared, frozen=True):
    """Those of every endpoint.

    Attributes:
        bandwidth_bytes_per_s: of requests, responses and mirrored copies together.
        requests_per_s: of all deployments; further ones are refused with 429.
        connections: open at a time. A connection is the endpoint's that it called last.
        connections_per_s: new ones.
        endpoints: what differs, by an endpoint's name.
    """

    bandwidth_bytes_per_s: Bandwidth | Unlimited = BANDWIDTH_DEFAULT
    requests_per_s: Count | Unlimited = UNLIMITED
    connections: Count | Unlimited = UNLIMITED
    connections_per_s: Count | Unlimited = UNLIMITED
    endpoints: dict[str, EndpointQuotaSettings] = {}


def quotas_of(settings: QuotaSettings) -> QuotaOf:
    """What each endpoint's limits are, by its name."""
    for_all = _quota(settings, EndpointQuotaSettings())
    named = {name: _quota(settings, own) for name, own in settings.endpoints.items()}
    return lambda name: named.get(name, for_all)


def _quota(settings: QuotaSettings, own: EndpointQuotaSettings) -> EndpointQuota:
    def limit(key: str) -> int | None:
        value = getattr(own, key)
        if value is UNSET:
            value = getattr(settings, key)
        return None if value == UNLIMITED else int(value)

    return EndpointQuota(**{key: limit(key) for key in EndpointQuota.__struct_fields__})
