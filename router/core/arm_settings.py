"""Identities, request settings and probes in Azure Resource Manager's bodies.

Times there are ISO 8601 durations.

Part of arm.py, which converts the rest.
"""

import re

from router.core import arm_bodies
from router.core.deployment_spec import Probe, RequestSettings
from router.core.endpoint_spec import Identity, UserAssignedIdentity
from router.core.errors import BadRequest

MS_PER_S = 1000

# With bounds that keep milliseconds in 64 bits.
_DURATION = re.compile(
    r"P(?:(?P<days>\d{1,5})D)?(?:T(?:(?P<hours>\d{1,7})H)?(?:(?P<minutes>\d{1,9})M)?"
    r"(?:(?P<seconds>\d{1,9}(?:\.\d{1,9})?)S)?)?",
    re.ASCII,
)


def arm_duration(ms: int) -> str:
    """``ms`` milliseconds as an ISO 8601 duration, e.g. ``PT0.25S`` (azure.md 2.4)."""
    seconds, rest_ms = divmod(ms, MS_PER_S)
    fraction = f".{rest_ms:03d}".rstrip("0") if rest_ms else ""
    return f"PT{seconds}{fraction}S"


def parse_arm_duration(text: str, path: str, source: str = "request body") -> int:
    """Milliseconds of an ISO 8601 duration of days, hours, minutes and seconds.

    Raises:
        BadRequest: ``text`` is none; the message names ``source`` and ``path``.
    """
    match = _DURATION.fullmatch(text)
    if match is None or not any(match.groups()):
        raise BadRequest(
            f"{source}: expected an ISO 8601 duration such as PT5S, got {text!r}, at `{path}`"
        )
    days, hours, minutes = (int(match[unit] or 0) for unit in ("days", "hours", "minutes"))
    seconds = ((days * 24 + hours) * 60 + minutes) * 60 + float(match["seconds"] or 0)
    return round(seconds * MS_PER_S)


def request_settings(declared: arm_bodies.RequestSettings | None, source: str) -> RequestSettings:
    """The limits that a body declares; absent ones have their defaults."""
    if declared is None:
        return RequestSettings()
    at = "$.properties.requestSettings"
    return RequestSettings(
        request_timeout_ms=parse_arm_duration(
            declared.request_timeout, f"{at}.requestTimeout", source
        ),
        max_concurrent_requests_per_instance=declared.max_concurrent_requests_per_instance,
        max_queue_wait_ms=parse_arm_duration(declared.max_queue_wait, f"{at}.maxQueueWait", source),
    )


def request_settings_to_arm(settings: RequestSettings) -> dict[str, object]:
    """The limits as a body says them."""
    return {
        "requestTimeout": arm_duration(settings.request_timeout_ms),
        "maxConcurrentRequestsPerInstance": settings.max_concurrent_requests_per_instance,
        "maxQueueWait": arm_duration(settings.max_queue_wait_ms),
    }


def probe(declared: arm_bodies.Probe | None, key: str, source: str) -> Probe:
    """The probe that a body declares under ``key``; Azure counts whole seconds."""
    if declared is None:
        return Probe()

    def seconds(text: str, field: str) -> int:
        ms = parse_arm_duration(text, f"$.properties.{key}.{field}", source)
        if ms % MS_PER_S:
            raise BadRequest(
                f"{source}: expected whole seconds, got {text!r}, at `$.properties.{key}.{field}`"
            )
        return ms // MS_PER_S

    return Probe(
        initial_delay=seconds(declared.initial_delay, "initialDelay"),
        period=seconds(declared.period, "period"),
        timeout=seconds(declared.timeout, "timeout"),
        success_threshold=declared.success_threshold,
        failure_threshold=declared.failure_threshold,
    )


def probe_to_arm(probe: Probe) -> dict[str, object]:
    """The probe as a body says it."""
    return {
        "initialDelay": arm_duration(probe.initial_delay * MS_PER_S),
        "period": arm_duration(probe.period * MS_PER_S),
        "timeout": arm_duration(probe.timeout * MS_PER_S),
        "successThreshold": probe.success_threshold,
        "failureThreshold": probe.failure_threshold,
    }


def identity(declared: arm_bodies.Identity | None) -> Identity | None:
    """The identity that a body declares; the usual one is none."""
    if declared is None or declared.type != "UserAssigned":
        return None
    ids = [UserAssignedIdentity(resource_id=id_) for id_ in declared.user_assigned_identities or {}]
    return Identity(type="user_assigned", user_assigned_identities=ids)


def identity_to_arm(identity: Identity | None) -> dict[str, object]:
    """The identity as a body says it."""
    if identity is None or identity.type == "system_assigned":
        return {"type": "SystemAssigned"}
    ids: dict[str, object] = {one.resource_id: {} for one in identity.user_assigned_identities}
    return {"type": "UserAssigned", "userAssignedIdentities": ids}
