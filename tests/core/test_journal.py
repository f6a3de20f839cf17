"""Nothing enters the core past its journal, and nothing leaves it so."""

import inspect

from router.core.admission import Admission, AdmissionPort
from router.core.budgets import Budgets, Count
from router.core.dispatcher import Dispatcher, Port
from router.core.journal.ports import RecordedBudgets, RecordedPort, RecordedQuota
from router.core.journal.recording import RecordingDispatcher
from router.core.quota import Quota
from router.core.throttle import Throttle

# They change nothing.
QUERIES = {"instances", "statistics", "holds"}
# Shells count bytes and delays by them, and the core reads neither.
COUNTERS = {"note_request_delay", "note_response_delay"}
# They do nothing by themselves but what a recorded call does.
COMPOSED = {"charge_request", "charge_response", "charge_copy", "charge_all"}
# The core's own.
INNER = {"follow", "make_throttle", "open_connection", "settle"}


def methods(*types: type) -> set[str]:
    return {
        name
        for type_ in types
        for name, found in vars(type_).items()
        if inspect.isfunction(found) and not name.startswith("_")
    }


def test_every_way_into_a_dispatcher_is_recorded() -> None:
    assert methods(Dispatcher, Admission) - QUERIES == methods(RecordingDispatcher)


def test_all_that_a_dispatcher_has_done_is_recorded() -> None:
    assert methods(Port, AdmissionPort) == methods(RecordedPort)
    assert methods(Budgets) == methods(RecordedBudgets)
    assert methods(Count) == {"add", "remove"}, "what is asked of a count is recorded"


def test_what_shells_call_of_quotas_is_recorded() -> None:
    called = methods(Quota, Throttle) - COUNTERS - COMPOSED - INNER
    recorded = methods(RecordedQuota, RecordedQuota.make_throttle.__globals__["_RecordedThrottle"])
    assert called == recorded - INNER
