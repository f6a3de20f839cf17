"""Rules that concern names and more than one object (invariant 6, azure.md 4.7).

Each function refuses or returns; none changes anything, so a broken rule leaves the old
state whole. Messages name the key, the value, the rule and what to do.
"""

import re
from collections.abc import Collection, Mapping
from typing import Literal

from router.core.deployment_spec import TIMEOUT_MS_MAX, DeploymentSpec
from router.core.endpoint_spec import (
    NAME_LENGTH_MAX,
    NAME_LENGTH_MIN,
    NAME_PATTERN,
    EndpointSpec,
)
from router.core.errors import BadRequest
from router.core.limits import check_resources
from router.core.routes import check_own_properties

TRAFFIC_SUM_PERCENT = 100
MIRROR_PERCENT_MAX = 50
DEPLOYMENTS_MAX = 20
# Of endpoint and deployment together (azure.md 2.1).
KUBERNETES_NAMES_MIN, KUBERNETES_NAMES_MAX = 6, 62

_NAME = re.compile(NAME_PATTERN)


def check_name(kind: Literal["endpoint", "deployment"], name: str) -> None:
    """Refuses a name that Azure would refuse, with Azure's own words (azure.md 2.1)."""
    article = "an" if kind == "endpoint" else "a"
    if not NAME_LENGTH_MIN <= len(name) <= NAME_LENGTH_MAX:
        raise BadRequest(
            f"The name for {article} {kind} must be at least {NAME_LENGTH_MIN} and at most "
            f"{NAME_LENGTH_MAX} characters long (inclusive of both limits). Got {name!r}, "
            f"{len(name)} characters, at `$.name`."
        )
    if _NAME.fullmatch(name) is None:
        raise BadRequest(
            f"The name for {article} {kind} must start with an upper- or lowercase letter\n "
            f"and only consist of '-'s and alphanumeric characters. Got {name!r}, at `$.name`."
        )


def check_traffic(
    traffic: Mapping[str, int],
    mirror_traffic: Mapping[str, int],
    deployments: Collection[str],
) -> None:
    """Refuses traffic rules that break invariant 6.

    Args:
        traffic: deployment to percent of live requests.
        mirror_traffic: deployment to percent of live requests copied to it.
        deployments: the names of the endpoint's deployments.
    """
    _check_names("traffic", traffic, deployments)
    _check_names("mirror_traffic", mirror_traffic, deployments)
    _check_ranges("traffic", traffic, TRAFFIC_SUM_PERCENT)
    _check_ranges("mirror_traffic", mirror_traffic, MIRROR_PERCENT_MAX)
    total = sum(traffic.values())
    if total not in (0, TRAFFIC_SUM_PERCENT):
        raise BadRequest(
            f"expected percents that sum to 0 or 100, got {_shown(traffic)} with the sum {total}, "
            f"at `$.traffic`. Name every deployment that is to get live requests."
        )
    mirrors = [name for name, percent in mirror_traffic.items() if percent]
    if len(mirrors) > 1:
        raise BadRequest(
            f"expected at most one deployment, got {_shown(mirror_traffic)}, at "
            f"`$.mirror_traffic`. Set all but one to 0."
        )
    for name in mirrors:
        if traffic.get(name):
            raise BadRequest(
                f"expected live or mirrored traffic, not both, got {name!r} with {traffic[name]} % "
                f"live and {mirror_traffic[name]} % mirrored, at `$.mirror_traffic.{name}`. Set "
                f"one of the two to 0."
            )


def check_endpoint(spec: EndpointSpec, old: EndpointSpec | None) -> None:
    """Refuses what this endpoint's kind, or this router, can't do (azure.md 2.1, 2.3).

    Args:
        old: what ``spec`` is to replace.
    """
    if old is not None and old.is_kubernetes != spec.is_kubernetes:
        expected, got = (one.compute or "no cluster" for one in (old, spec))
        raise BadRequest(
            f"expected {expected}, as the endpoint was created with, got {got}, at `$.compute`. "
            f"Delete the endpoint and create it anew to change its kind."
        )
    if spec.auth_mode == "aad_token":
        raise BadRequest(
            "expected key or aml_token, got 'aad_token', at `$.auth_mode`. Tokens of Entra ID can "
            "be checked in Azure's cloud only."
        )
    if spec.is_kubernetes and any(spec.mirror_traffic.values()):
        raise BadRequest(
            f"expected no mirrored traffic on an endpoint with `compute`, got "
            f"{_shown(spec.mirror_traffic)}, at `$.mirror_traffic`. Endpoints of the kind "
            f"Kubernetes have no mirroring; leave `compute` out."
        )


def check_deployment(spec: DeploymentSpec, *, is_kubernetes: bool) -> None:
    """Refuses settings that don't fit the deployment's type or its endpoint's kind.

    Args:
        is_kubernetes: whether the endpoint is of the kind Kubernetes.
    """
    expected = "kubernetes" if is_kubernetes else "managed"
    if spec.type != expected:
        kind = "with" if is_kubernetes else "without"
        raise BadRequest(
            f"expected {expected!r}, because the endpoint is one {kind} `compute`, got "
            f"{spec.type!r}, at `$.type`"
        )
    if spec.type == "managed":
        _check_managed(spec)
    elif not KUBERNETES_NAMES_MIN <= (total := _names_length(spec)) <= KUBERNETES_NAMES_MAX:
        raise BadRequest(
            f"expected names of endpoint and deployment of {KUBERNETES_NAMES_MIN} to "
            f"{KUBERNETES_NAMES_MAX} characters together, got {total}, at `$.name`"
        )
    check_own_properties(spec.properties)
    settings = spec.scale_settings
    if settings.min_instances > settings.max_instances:
        raise BadRequest(
            f"expected at most max_instances ({settings.max_instances}), got "
            f"{settings.min_instances}, at `$.scale_settings.min_instances`"
        )
    if spec.resources is not None:
        check_resources(spec.resources, "$.resources")


def _check_managed(spec: DeploymentSpec) -> None:
    if spec.scale_settings.type != "default":
        raise BadRequest(
            f"ManagedOnlineEndpoint supports DefaultScaleSettings only. Got "
            f"{spec.scale_settings.type!r}, at `$.scale_settings.type`."
        )
    timeout_ms = spec.request_settings.request_timeout_ms
    if timeout_ms > TIMEOUT_MS_MAX:
        raise BadRequest(
            f"expected at most {TIMEOUT_MS_MAX}, got {timeout_ms}, at "
            f"`$.request_settings.request_timeout_ms`. Only the type kubernetes may wait longer."
        )


def _names_length(spec: DeploymentSpec) -> int:
    return len(spec.endpoint_name) + len(spec.name)


def check_deletable(
    deployment: str, traffic: Mapping[str, int], mirror_traffic: Mapping[str, int]
) -> None:
    """Refuses to delete a deployment that live or mirrored requests still reach."""
    if percent := traffic.get(deployment):
        raise BadRequest(
            f"You cannot delete a deployment that has live traffic allocated to it. You must first "
            f"set traffic allocation for the deployment to 0% before deleting it. Got "
            f"{deployment!r} with {percent} %, at `$.traffic.{deployment}`."
        )
    if percent := mirror_traffic.get(deployment):
        raise BadRequest(
            f"You cannot delete a deployment that has mirrored traffic allocated to it. You must "
            f"first set its mirror traffic to 0% before deleting it. Got {deployment!r} with "
            f"{percent} %, at `$.mirror_traffic.{deployment}`."
        )


def check_deployment_count(count: int) -> None:
    """Refuses more deployments than an endpoint may have (azure.md 4.5)."""
    if count > DEPLOYMENTS_MAX:
        raise BadRequest(
            f"expected at most {DEPLOYMENTS_MAX} deployments in an endpoint, got {count}. "
            f"Delete one that gets no traffic first."
        )


def _check_names(key: str, percents: Mapping[str, int], deployments: Collection[str]) -> None:
    for name in percents:
        if name not in deployments:
            known = ", ".join(sorted(deployments)) or "none yet"
            raise BadRequest(
                f"expected a deployment of this endpoint ({known}), got {name!r}, at "
                f"`$.{key}.{name}`. Create the deployment first."
            )


def _check_ranges(key: str, percents: Mapping[str, int], percent_max: int) -> None:
    for name, percent in percents.items():
        if not 0 <= percent <= percent_max:
            raise BadRequest(
                f"expected a percent from 0 to {percent_max}, got {percent}, at `$.{key}.{name}`"
            )


def _shown(percents: Mapping[str, int]) -> str:
    return " ".join(f"{name}={percent}" for name, percent in percents.items())
