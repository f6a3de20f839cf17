"""The keeper ends whatever its daemon has started, also when that is dead before it."""

import psutil

from router.testing import Scripted, Turnout

LIMIT_S = 30


def test_what_a_dead_control_plane_has_left_running_ends_with_its_keeper() -> None:
    others = psutil.Process().children(recursive=True)
    with Turnout() as turnout:
        turnout.endpoint().deploy(Scripted("blue"))
        found = psutil.Process().children(recursive=True)
        processes = [one for one in found if one not in others]
        (control_plane,) = (one for one in processes if "serve" in one.cmdline())
        control_plane.kill()
    _, left = psutil.wait_procs(processes, LIMIT_S)
    for process in left:
        process.kill()
    # Keeper, control plane, worker and instance.
    assert (len(processes), left) == (4, [])
