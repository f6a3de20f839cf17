"""The grammars of `--set` and `--traffic` (azure.md 3.3)."""

from typing import Any

import pytest

from router.cli.assignments import mirror_traffic, set_json, set_text, traffic
from router.cli.errors import CommandFailed
from router.core.deployment_spec import DeploymentSpec
from router.core.errors import BadRequest


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("instance_count=3", {"instance_count": 3}),
        ("instance_count=many", {"instance_count": "many"}),
        ("app_insights_enabled=true", {"app_insights_enabled": True}),
        ("description=5", {"description": "5"}),
        ("description=a=b", {"description": "a=b"}),
        ("tags.team=7", {"tags": {"team": "7"}}),
        ("request_settings.request_timeout_ms=9", {"request_settings": {"request_timeout_ms": 9}}),
        ("model.path=../m", {"model": {"path": "../m"}}),
        ("unknown.key=1", {"unknown": {"key": "1"}}),
    ],
)
def test_set_on_create_takes_text_and_turns_it_into_what_the_key_wants(
    assignment: str, expected: dict[str, Any]
) -> None:
    raw: dict[str, Any] = {}
    set_text(raw, [assignment], DeploymentSpec)
    assert raw == expected


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("instance_count=3", {"instance_count": 3}),
        ("app_insights_enabled=true", {"app_insights_enabled": True}),
        ('tags={"a": "b"}', {"tags": {"a": "b"}}),
        ("description=plain words", {"description": "plain words"}),
        ("description=null", {"description": None}),
        ("environment_variables.WORKER_COUNT=4", {"environment_variables": {"WORKER_COUNT": "4"}}),
        ("unknown=1", {"unknown": 1}),
    ],
)
def test_set_on_update_takes_json_and_keeps_numbers_as_text_where_only_text_goes(
    assignment: str, expected: dict[str, Any]
) -> None:
    raw: dict[str, Any] = {}
    set_json(raw, [assignment], DeploymentSpec)
    assert raw == expected


def test_later_assignments_go_before_earlier_ones() -> None:
    raw: dict[str, Any] = {"instance_count": 1}
    set_json(raw, ["instance_count=2", "instance_count=3"], DeploymentSpec)
    assert raw == {"instance_count": 3}


@pytest.mark.parametrize(
    ("assignment", "message"),
    [
        ("instance_count", "usage error: --set KEY=VALUE [KEY=VALUE ...]"),
        (
            "=2",
            "usage error: Empty key in --set. Correct syntax: --set KEY=VALUE [KEY=VALUE ...]",
        ),
        (
            "tags..a=2",
            "usage error: Empty key in --set. Correct syntax: --set KEY=VALUE [KEY=VALUE ...]",
        ),
    ],
)
def test_an_assignment_without_key_or_value_is_refused_in_the_words_of_az(
    assignment: str, message: str
) -> None:
    with pytest.raises(CommandFailed) as refused:
        set_json({}, [assignment], DeploymentSpec)
    assert refused.value.message == message


def test_a_key_inside_a_value_that_is_no_object_is_refused() -> None:
    with pytest.raises(BadRequest) as refused:
        set_json({"name": "blue"}, ["name.first=a"], DeploymentSpec)
    assert str(refused.value) == "--set: expected an object, got 'blue' (str), at `$.name`"


def test_traffic_is_split_at_single_spaces_and_its_names_are_lowered() -> None:
    assert traffic("Blue=90 green=10") == {"blue": 90, "green": 10}
    assert mirror_traffic("Green=10") == {"green": 10}


@pytest.mark.parametrize("text", ["blue=90, green=10", "blue=x", "blue=", "blue=-1", "blue=1.5"])
def test_traffic_that_is_no_number_is_refused_in_the_words_of_az(text: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        traffic(text)
    assert refused.value.message == "Do not add a delimiter between traffic variables"


@pytest.mark.parametrize("text", ["blue", "", "blue=90  green=10", "=90"])
def test_traffic_that_is_no_pair_is_refused_with_what_it_should_be(text: str) -> None:
    with pytest.raises(CommandFailed) as refused:
        traffic(text)
    assert refused.value.message == (
        f"expected DEPLOYMENT=PERCENT, separated by single spaces, got {text!r}, at --traffic"
    )
