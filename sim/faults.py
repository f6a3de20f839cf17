"""What may go wrong with models and their instances, at a step of the timeline."""

from collections.abc import Mapping

from router.core.errors import BadRequest
from sim.instance import Model
from sim.plane import Plane
from sim.steps import Doing


def check_fault(endpoint: str, fault: Doing, models: Mapping[tuple[str, str], object]) -> None:
    """Refuses a fault of a deployment that the scenario does not describe.

    Raises:
        BadRequest: as it says.
    """
    for name in fault.numbers or [fault.name]:
        if (endpoint, name) not in models:
            known = ", ".join(sorted(one for of, one in models if of == endpoint)) or "none"
            raise BadRequest(
                f"expected a deployment of endpoint {endpoint!r} ({known}), got {name!r}, at "
                f"`{fault.words}` of the timeline"
            )


def inflict(endpoint: str, fault: Doing, models: Mapping[str, Model], plane: Plane) -> None:
    """Makes it happen.

    Args:
        models: of the endpoint's deployments.
    """
    match fault.verb:
        case "crash":
            plane.crash(endpoint, fault.name)
        case "crash_loop":
            models[fault.name].ends_at_once = True
            plane.crash(endpoint, fault.name)
        case "hang":
            models[fault.name].hangs = True
        case "slow":
            for name, factor in fault.numbers.items():
                models[name].factor = factor
        case "error_percent":
            for name, percent in fault.numbers.items():
                models[name].error_share = percent / 100
        case "heal":
            models[fault.name].heal()
            plane.unhang(models[fault.name])
