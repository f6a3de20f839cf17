"""Scripted deployments in real instances, and faults that befall them in a rollout."""

import pytest

from router.testing import HarnessError, Load, Scripted, Turnout

LOAD = Load(clients=4, requests=100)


def test_a_scripted_deployment_answers_fails_crashes_hangs_and_heals(turnout: Turnout) -> None:
    endpoint = turnout.endpoint()
    endpoint.deploy(
        Scripted("blue", body="hi", latency_ms=2, error_percent=25, crash_at=6), all_traffic=True
    )
    replies = [endpoint.score({"n": number}) for number in range(5)]
    assert [reply.status for reply in replies] == [200, 200, 200, 424, 200]
    assert (replies[0].body, replies[3].model_status) == (b"hi", 500)
    # The sixth goes to another instance, if that is warm in time.
    assert endpoint.score().status in {200, 408}
    assert "ended unexpectedly (exit code 70)" in turnout.log

    endpoint.deploy(Scripted("green", latency_ms=2))
    endpoint.deploy(Scripted("red", request_timeout_ms=300))
    rollout = endpoint.roll_out(
        [
            {"traffic": "blue=0 green=100"},
            {"error_percent": "green=10", "expect": ["errors 10", "share green 100 % ± 0"]},
            {"slow": "green=3", "expect": ["p50 of green > 6 ms"]},
            {"heal": "green", "expect": ["errors 0"]},
            {"crash": "green"},
            {"restart": "control-plane"},
        ],
        LOAD,
    )
    assert rollout["error_percent: green=10"].after.statuses == {200: 90, 424: 10}
    assert rollout["heal: green"].after.bodies == {b'{"deployment": "green"}': 100}
    assert rollout["restart: control-plane"].failed == []
    assert "ended unexpectedly (signal 9)" in turnout.log

    # That sample has ended with a block of 100: 97 requests are missing for the next to begin one.
    assert [endpoint.score().deployment for _ in range(3)] == ["green"] * 3
    assert endpoint.roll_out([{"name": "now"}], LOAD)["now"].during.sent == 97

    hanging = [{"hang": "red", "name": "unseen"}, {"name": "seen", "traffic": "green=0 red=100"}]
    rollout = endpoint.roll_out(hanging, Load(clients=25, requests=100))
    assert rollout["unseen"].failed == []
    assert rollout["seen"].after.statuses == {408: 100}

    with pytest.raises(HarnessError) as refused:
        endpoint.roll_out([{"name": "too early", "delete": "red"}], LOAD)
    assert str(refused.value).startswith("too early: expected `turnout online-deployment delete")
    assert "(BadRequest)" in str(refused.value)
