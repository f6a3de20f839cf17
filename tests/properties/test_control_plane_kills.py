"""Invariant 11, each step of it: a control plane is killed at every single step of a call.

The machine is test_control_plane.py's, whose checks follow each call; it draws, this counts.
"""

from collections.abc import Callable
from itertools import count

import pytest

from tests.properties.test_control_plane import ControlPlaneMachine

Call = Callable[[ControlPlaneMachine, int | None], None]


def update(kind: str, instances: int) -> Call:
    """Of a deployment that serves everything."""
    return lambda machine, dies: machine.put_deployment(
        "alpha", "blue", kind, instances, wrong=False, dies=dies
    )


def put_traffic(machine: ControlPlaneMachine, dies: int | None) -> None:
    machine.put_endpoint(
        "alpha", wrong=False, kubernetes=False, traffic={"green": 100}, mirror={}, dies=dies
    )


CALLS: dict[str, Call] = {
    "an update that comes up": update("well", 2),
    "an update of which one instance fails": update("half", 2),
    "an update that fails": update("fails", 1),
    "scaling up": lambda machine, dies: machine.scale("alpha", "blue", 3, dies),
    "traffic": put_traffic,
    "a key": lambda machine, dies: machine.regenerate_key(
        "alpha", "Primary", wrong=False, dies=dies
    ),
    "the end of a deployment": lambda machine, dies: machine.delete_deployment(
        "alpha", "red", dies
    ),
    "the end of an endpoint": lambda machine, dies: machine.delete_endpoint(
        "alpha", sure=True, dies=dies
    ),
}


@pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)
def test_11_a_call_has_happened_whole_or_not_at_all_at_whichever_step_it_was_killed(
    call: Call,
) -> None:
    for steps in count():
        machine = ControlPlaneMachine()
        try:
            machine.begin(kubernetes=False, serves=True)
            machine.put_deployment("alpha", "red", "well", 1, wrong=False, dies=None)
            lives = machine.world.lives
            call(machine, steps)
            machine.what_is_routed_and_running_is_what_the_model_says()
            if machine.world.lives == lives:
                break
        finally:
            machine.teardown()
    assert steps > 2, "it has effects that can be cut off"


@pytest.mark.parametrize("name", ["blue", "green"])
def test_6_a_deployment_with_live_or_mirrored_traffic_is_not_deleted(name: str) -> None:
    machine = ControlPlaneMachine()
    try:
        machine.begin(kubernetes=False, serves=True)
        machine.delete_deployment("alpha", name, None)
        machine.what_is_routed_and_running_is_what_the_model_says()
        assert name in machine.model.endpoints["alpha"].deployments
    finally:
        machine.teardown()


def test_6_while_an_operation_runs_every_other_one_is_refused() -> None:
    for name, call in CALLS.items():
        machine = ControlPlaneMachine()
        try:
            machine.begin(kubernetes=False, serves=True)
            machine.put_deployment("alpha", "red", "slow", 1, wrong=False, dies=None)
            assert machine.model.held == {"alpha"}, name
            call(machine, None)
            machine.what_is_routed_and_running_is_what_the_model_says()
            assert machine.model.held == {"alpha"}, name
        finally:
            machine.teardown()
