"""What may go wrong with models and their instances, at a step of the timeline."""

from collections.abc import Mapping

from sim.fleet import SimFleet
from sim.instance import Model
from sim.steps import Doing


def inflict(endpoint: str, fault: Doing, models: Mapping[str, Model], fleet: SimFleet) -> None:
    """Makes it happen.

    Args:
        models: of the endpoint's deployments.
    """
    match fault.verb:
        case "crash":
            fleet.crash((endpoint, fault.name))
        case "crash_loop":
            models[fault.name].ends_at_once = True
            fleet.crash((endpoint, fault.name))
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
            fleet.unhang(models[fault.name])
