"""Probes' thresholds, and when an instance hangs."""

from router.core.deployment_spec import Probe
from router.core.probing import Tally, is_hung, liveness, readiness

PROBE = Probe(success_threshold=2, failure_threshold=3)


def states(tally: Tally, results: str) -> str:
    """After each result - a success is 1 - whether it is healthy; * where that changed."""
    told = []
    for result in results:
        changed = tally.observe(succeeded=result == "1")
        told.append(f"{int(tally.healthy)}{'*' if changed else ''}")
    return " ".join(told)


def test_readiness_changes_after_so_many_results_in_a_row_and_both_ways() -> None:
    tally = readiness(PROBE, ready=True)
    assert states(tally, "0010001011") == "1 1 1 1 1 0* 0 0 0 1*"


def test_an_instance_that_was_not_ready_stays_so_until_it_succeeds() -> None:
    assert states(readiness(PROBE, ready=False), "0111") == "0 0 1* 1"


def test_liveness_forgets_failures_at_the_first_success() -> None:
    assert states(liveness(PROBE), "001001000") == "1 1 1 1 1 1 1 1 0*"


def test_azures_defaults_take_thirty_failures() -> None:
    assert states(liveness(Probe()), "0" * 30) == "1 " * 29 + "0*"


def test_an_answer_is_owed_for_half_a_minute_and_for_as_long_as_it_was_waited_for() -> None:
    assert not is_hung(29_999, 5000)
    assert is_hung(30_000, 5000)
    assert not is_hung(59_999, 60_000)
    assert is_hung(60_000, 60_000)
