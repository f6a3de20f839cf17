"""Scale settings and resources in Azure Resource Manager's bodies. Part of arm.py."""

from router.core import arm_bodies
from router.core.arm_settings import MS_PER_S, arm_duration, parse_arm_duration
from router.core.deployment_spec import ResourceRequirements, Resources, ScaleSettings
from router.core.errors import BadRequest

_INTERVAL = "$.properties.scaleSettings.pollingInterval"


def scale_settings(declared: arm_bodies.ScaleSettings | None, source: str) -> ScaleSettings:
    """The settings that a body declares; of the type ``default`` nothing else is kept."""
    if declared is None or declared.scale_type == "Default":
        return ScaleSettings()
    interval_ms = parse_arm_duration(declared.polling_interval, _INTERVAL, source)
    if interval_ms % MS_PER_S:
        raise BadRequest(
            f"{source}: expected whole seconds, got {declared.polling_interval!r}, at `{_INTERVAL}`"
        )
    return ScaleSettings(
        type="target_utilization",
        min_instances=declared.min_instances,
        max_instances=declared.max_instances,
        target_utilization_percentage=declared.target_utilization_percentage,
        polling_interval=interval_ms // MS_PER_S,
    )


def scale_settings_to_arm(settings: ScaleSettings) -> dict[str, object]:
    """The settings as a body says them."""
    if settings.type == "default":
        return {"scaleType": "Default"}
    return {
        "scaleType": "TargetUtilization",
        "minInstances": settings.min_instances,
        "maxInstances": settings.max_instances,
        "targetUtilizationPercentage": settings.target_utilization_percentage,
        "pollingInterval": arm_duration(settings.polling_interval * MS_PER_S),
    }


def resources(declared: arm_bodies.ResourceRequirements | None) -> ResourceRequirements | None:
    """The quantities that a body declares."""
    if declared is None:
        return None
    return ResourceRequirements(
        requests=_quantities(declared.container_resource_requests),
        limits=_quantities(declared.container_resource_limits),
    )


def resources_to_arm(resources: ResourceRequirements | None) -> dict[str, object] | None:
    """The quantities as a body says them."""
    if resources is None:
        return None
    return {
        "containerResourceRequests": _quantities_to_arm(resources.requests),
        "containerResourceLimits": _quantities_to_arm(resources.limits),
    }


def _quantities(declared: arm_bodies.Resources | None) -> Resources | None:
    if declared is None:
        return None
    return Resources(cpu=declared.cpu, memory=declared.memory, gpu=declared.gpu)


def _quantities_to_arm(resources: Resources | None) -> dict[str, object] | None:
    if resources is None:
        return None
    return {"cpu": resources.cpu, "memory": resources.memory, "gpu": resources.gpu}
