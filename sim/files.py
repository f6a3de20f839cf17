"""Reads scenario files; those that come with Turnout are found by their name, too."""

from pathlib import Path

from router.core.errors import BadRequest
from router.core.parse import parse
from router.yaml_files import read_yaml
from sim.scenario import Scenario

SCENARIOS = Path(__file__).parent / "scenarios"


def scenario_names() -> list[str]:
    """Those that come with Turnout."""
    return sorted(path.stem for path in SCENARIOS.glob("*.yml"))


def read_scenario(path: Path) -> tuple[Scenario, Path]:
    """A scenario, and the folder that paths in it are relative to.

    Args:
        path: a file, or the name of a scenario that comes with Turnout.

    Raises:
        BadRequest: there is none, or what it says is wrong; nothing was run.
    """
    if not path.exists():
        if path.name != str(path) or path.stem not in scenario_names():
            raise BadRequest(
                f"{path}: expected a scenario's file, or one of {', '.join(scenario_names())}; "
                f"got neither"
            )
        path = SCENARIOS / f"{path.stem}.yml"
    scenario = parse(Scenario, read_yaml(path), str(path))
    return scenario, path.resolve().parent
