"""How many wrong calls the project tries, each with its exact answer: no fewer than promised."""

from tests.cli import wrong_calls as wrong_commands
from tests.control_plane import test_wrong_calls as wrong_rest_calls
from tests.control_plane import test_wrong_moments as wrong_moments
from tests.control_plane import wrong_requests

ALL_MIN, REST_MIN = 150, 60


def test_there_are_enough_rows_and_none_is_there_twice() -> None:
    rest: list[object] = [*wrong_rest_calls.ROWS, *wrong_requests.ROWS, *wrong_moments.ROWS]
    commands: list[object] = [*wrong_commands.CALLS, *wrong_commands.WRONG_USAGE]
    calls = [repr(row) for row in rest + commands]
    assert len(set(calls)) == len(calls)
    assert len(rest) >= REST_MIN
    assert len(calls) >= ALL_MIN
