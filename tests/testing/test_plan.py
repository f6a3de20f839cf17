"""Plans: what they may say, and what is expected of them. No daemon."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from router.core.errors import BadRequest
from router.testing import Answers, Load, Reply, Rollout, Step
from router.testing.control import Rules
from router.testing.judge import unmet
from router.testing.plan import read_plan
from sim.files import SCENARIOS


def read(*steps: Mapping[str, object]) -> list[str]:
    return [step.name for step in read_plan(steps, "my-endpoint", {"green"}, {"blue"})]


def answers(failed: int = 0, latency_ms: float = 1.0, **shares: int) -> Answers:
    good = [
        Reply(status=200, deployment=name, latency_ms=latency_ms)
        for name, count in shares.items()
        for _ in range(count)
    ]
    return Answers([*good, *(Reply(status=429, body=b"full") for _ in range(failed))])


def step(
    after: Answers, traffic: dict[str, int], mirror: dict[str, int] | None = None, **copies: int
) -> Step:
    return Step(
        name="it", during=answers(), after=after, copies=copies, rules=Rules(traffic, mirror or {})
    )


def test_steps_are_named_by_their_words_unless_they_have_a_name() -> None:
    named = {"name": "all", "traffic": {"green": 100}}
    assert read({"traffic": "blue=90 green=10"}, {"create": "green"}, named, {}) == [
        "traffic: blue=90 green=10",
        "create: green",
        "all",
        "step 3",
    ]


def test_a_scenario_of_the_simulator_is_a_plan() -> None:
    steps = read_plan(SCENARIOS / "blue-green.yml", "my-endpoint", {"green"}, set())
    assert [one.name for one in steps][:2] == ["create: green", "mirror_traffic: green=10"]
    assert steps[1].expect == ["share blue 100 % ± 0", "copies 10 % ± 0", "errors 0"]


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"trafic": "blue=100"}, "step 0: expected one of"),
        ({"traffic": "blue"}, "expected NAME=NUMBER pairs, got 'blue', at `$.timeline[0].traffic`"),
        ({"traffic": "blue=1.5"}, "expected a whole number, got 1.5"),
        ({"traffic": "blue=1", "delete": "blue"}, "expected one operation or fault"),
        ({"create": "red"}, "given in `create=` (green), got 'red', at `$.timeline[0].create`"),
        ({"hang": "green"}, "expected a Scripted deployment (blue), got green"),
        ({"slow": "blue=2 green=2"}, "expected a Scripted deployment (blue), got green"),
        ({"endpoint": "other", "delete": "blue"}, "Roll out one endpoint at a time"),
        ({"expect": ["share green"]}, "expected words like"),
        ({"expect": ["refused operations 1"]}, "Only `turnout simulate` can tell"),
        ({"expect": ["p50 of blue as measured ± 5 %"]}, "Only `turnout simulate` can tell"),
    ],
)
def test_a_wrong_plan_is_refused_whole(wrong: Mapping[str, object], message: str) -> None:
    with pytest.raises(BadRequest) as refused:
        read(wrong)
    assert message in refused.value.message


@pytest.mark.parametrize("requests", [0, 50, 150])
def test_a_sample_is_of_whole_blocks(requests: int) -> None:
    with pytest.raises(ValueError, match="whole hundreds"):
        Load(requests=requests)


def test_bodies_are_bytes_files_or_json(tmp_path: Path) -> None:
    (tmp_path / "request.json").write_bytes(b"[1]")
    bodies = (b"raw", tmp_path / "request.json", {"data": [1]})
    assert [Load(body=body).body_bytes for body in bodies] == [b"raw", b"[1]", b'{"data": [1]}']


def test_a_share_or_a_copy_that_is_off_by_one_is_inexact() -> None:
    split = {"blue": 90, "green": 10}
    assert step(answers(blue=90, green=10), split).inexact() == []
    assert step(answers(blue=91, green=9), split).inexact() == [
        "expected 90 answers by blue of 100, got 91",
        "expected 10 answers by green of 100, got 9",
    ]
    mirrored = step(answers(blue=100), {"blue": 100}, {"green": 10}, green=9)
    assert mirrored.inexact() == ["expected 10 copies to green of 100, got 9"]
    assert step(answers(blue=99, red=1), {"blue": 100}).inexact() == [
        "expected 100 answers by blue of 100, got 99",
        "expected 0 answers by red of 100, got 1",
    ]


def test_of_two_schedules_that_choose_one_may_be_off_by_one() -> None:
    rules = ({"blue": 90, "green": 10}, {"red": 10})
    assert step(answers(blue=91, green=9), *rules, red=11).inexact() == []
    assert len(step(answers(blue=92, green=8), *rules, red=12).inexact()) == 3


def test_expectations_are_judged_exactly() -> None:
    after = answers(failed=2, latency_ms=4.0, blue=88, green=10)
    one = step(after, {"blue": 90, "green": 10}, red=5)
    held = ["requests 100", "errors 2", "refused 2", "copies 5.1 % ± 0.2", "max <= 4 ms"]
    assert unmet([*held, "p99 of green < 5 ms"], one) == []
    assert unmet(["errors 0", "share green 10 % ± 0", "p50 of red < 1 ms"], one) == [
        "expected errors 0, got 2",
        "expected share green 10 % ± 0, got 10.2 % (10 of 98)",
        "expected p50 of red < 1 ms, got no good answer",
    ]


def test_assertions_say_what_and_show_every_step() -> None:
    rollout = Rollout([step(answers(failed=7, blue=93), {"blue": 100})])
    with pytest.raises(AssertionError) as failed:
        rollout.assert_none_failed()
    lines = str(failed.value).splitlines()
    assert lines[0] == "it: a request failed: 429: full"
    assert lines[5] == "and 2 more"
    assert "blue=93" in lines[-1]
    with pytest.raises(AssertionError, match="expected 100 answers by blue of 100, got 93"):
        rollout.assert_exact()
    rollout.steps[0].unmet.append("expected errors 0, got 7")
    with pytest.raises(AssertionError, match="it: expected errors 0, got 7"):
        rollout.assert_expected()
    with pytest.raises(KeyError, match="expected one of the steps 'it', got 'that'"):
        rollout["that"]
    assert (rollout.sent, len(rollout.failed), rollout.shares) == (100, 7, {"blue": 93})
