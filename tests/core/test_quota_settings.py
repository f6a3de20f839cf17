"""`quotas` of turnout.yml: defaults, and what single endpoints have instead."""

import pytest

from router.core.config import DaemonConfig
from router.core.errors import BadRequest
from router.core.parse import parse
from router.core.quota_settings import quotas_of
from router.core.routing import EndpointQuota


def quota_of(name: str, **quotas: object) -> EndpointQuota:
    return quotas_of(parse(DaemonConfig, {"quotas": quotas}, "turnout.yml").quotas)(name)


def test_without_any_an_endpoint_has_azures_bandwidth_and_no_other_limit() -> None:
    assert quota_of("my-endpoint") == EndpointQuota(bandwidth_bytes_per_s=5_000_000)


def test_an_endpoints_own_go_before_those_of_all_key_by_key() -> None:
    quotas = {
        "bandwidth_bytes_per_s": 1_000_000,
        "requests_per_s": 500,
        "connections": 500,
        "endpoints": {
            "free": {"bandwidth_bytes_per_s": "unlimited", "requests_per_s": "unlimited"},
            "busy": {"connections": 7, "connections_per_s": 8},
        },
    }
    of_all = EndpointQuota(bandwidth_bytes_per_s=1_000_000, requests_per_s=500, connections=500)
    assert quota_of("other", **quotas) == of_all
    assert quota_of("free", **quotas) == EndpointQuota(connections=500)
    assert quota_of("busy", **quotas) == EndpointQuota(
        bandwidth_bytes_per_s=1_000_000, requests_per_s=500, connections=7, connections_per_s=8
    )


@pytest.mark.parametrize(
    ("quotas", "at"),
    [
        ({"bandwidth_bytes_per_s": 299_999}, "$.quotas.bandwidth_bytes_per_s"),
        ({"bandwidth_bytes_per_s": 9_000_000_001}, "$.quotas.bandwidth_bytes_per_s"),
        ({"bandwidth_bytes_per_s": "5 MB"}, "$.quotas.bandwidth_bytes_per_s"),
        ({"requests_per_s": 0}, "$.quotas.requests_per_s"),
        ({"connections": None}, "$.quotas.connections"),
        ({"bandwidth": 5}, "$.quotas.bandwidth"),
        ({"endpoints": {"a": {"connections": -1}}}, "$.quotas.endpoints.a.connections"),
        ({"endpoints": {"a": 5}}, "$.quotas.endpoints.a"),
    ],
)
def test_what_is_no_quota_is_refused_with_its_place(quotas: dict[str, object], at: str) -> None:
    with pytest.raises(BadRequest) as refused:
        quota_of("my-endpoint", **quotas)
    assert f"at `{at}`" in refused.value.message
