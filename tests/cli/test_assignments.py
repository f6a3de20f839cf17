"""The grammars of `--set` and `--traffic` (azure.md 3.3)."""

import copy
import json
from typing import Any

import click
import pytest

from router.cli.arguments import gathered, repeated, spelled_out
from router.cli.assignments import change, mirror_traffic, set_text, traffic
from router.cli.errors import CommandFailed
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest


def set_json(raw: dict[str, Any], assignments: list[str], type_: type) -> None:
    change(raw, [json.dumps(["--set", *assignments])], type_, force_string=False)


@pytest.mark.parametrize(
    ("assignment", "expected"),
    [
        ("instance_count=3", {"instance_count": "3"}),
        ("instance_count=many", {"instance_count": "many"}),
        ("app_insights_enabled=true", {"app_insights_enabled": "true"}),
        ("description=5", {"description": "5"}),
        ("description=a=b", {"description": "a=b"}),
        ("tags.team=7", {"tags": {"team": "7"}}),
        (
            "request_settings.request_timeout_ms=9",
            {"request_settings": {"request_timeout_ms": "9"}},
        ),
        ("model.path=../m", {"model": {"path": "../m"}}),
        ("unknown.key=1", {"unknown": {"key": "1"}}),
    ],
)
def test_set_on_create_takes_text_which_the_schema_converts(
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


LISTS: dict[str, Any] = {
    "identity": {"user_assigned_identities": [{"resource_id": "a"}, {"resource_id": "b"}]},
    "data_collector": {"request_logging": {"capture_headers": ["x"]}},
}


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["--set", "tags.a=1", "tags.b=2"], {"tags": {"a": "1", "b": "2"}}),
        (["--set", "a[x=1].b"], "usage error: --set KEY=VALUE"),
        (["--add", "l", "x", "2", "true"], {"l": ["x", 2, True]}),
        (["--add", "l", "a=1", "b=x"], {"l": [{"a": 1, "b": "x"}]}),
        (["--add", "l"], "usage error: --add PROPERTY"),
        (["--remove", "tags"], "Couldn't find 'tags' in ''. Available options: none"),
        (["--remove"], "usage error: --remove PROPERTY [INDEX]"),
    ],
)
def test_changes_of_nothing(words: list[str], expected: dict[str, Any] | str) -> None:
    raw: dict[str, Any] = {}
    if isinstance(expected, str):
        with pytest.raises(CommandFailed) as refused:
            change(raw, [json.dumps(words)], DeploymentSpec, force_string=False)
        assert expected in refused.value.message
        assert raw == {}
    else:
        change(raw, [json.dumps(words)], DeploymentSpec, force_string=False)
        assert raw == expected


@pytest.mark.parametrize(
    ("words", "left"),
    [
        (["--remove", "identity.user_assigned_identities", "0"], ["b"]),
        (["--remove", "identity.user_assigned_identities[1]"], ["a"]),
        (["--remove", "identity.user_assigned_identities[resource_id=a]"], ["b"]),
        (["--set", "identity.user_assigned_identities[1].resource_id=c"], ["a", "c"]),
        (["--set", "identity.user_assigned_identities[resource_id=a].resource_id=c"], ["c", "b"]),
        (["--add", "identity.user_assigned_identities", "resource_id=c"], ["a", "b", "c"]),
    ],
)
def test_items_of_lists_are_found_by_index_and_by_value(words: list[str], left: list[str]) -> None:
    raw = copy.deepcopy(LISTS)
    change(raw, [json.dumps(words)], EndpointSpec, force_string=False)
    assert [one["resource_id"] for one in raw["identity"]["user_assigned_identities"]] == left


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--set", "data_collector[0]=1"], "--set: expected a list, got {'request_logging'"),
        (
            ["--remove", "data_collector.request_logging.capture_headers", "3"],
            "--remove: expected an item [3], got a list of 1, at "
            "`$.data_collector.request_logging.capture_headers`",
        ),
        (["--add", "identity", "x"], "--add: expected a list, got {"),
    ],
)
def test_a_path_that_leads_nowhere_is_refused_with_the_place(
    words: list[str], message: str
) -> None:
    raw = copy.deepcopy(LISTS)
    with pytest.raises(BadRequest) as refused:
        change(raw, [json.dumps(words)], DeploymentSpec, force_string=False)
    assert message in refused.value.message
    assert raw == LISTS


def test_changes_are_applied_in_the_order_of_the_command_line() -> None:
    words = gathered(["--set", "tags.a=1", "--remove", "tags.a", "-n", "x", "--set=tags.b=2"])
    assert words[-4:] == ["-n", "x", "--change", '["--set", "tags.b=2"]']
    raw: dict[str, Any] = {}
    change(raw, [words[1], words[3], words[7]], EndpointSpec, force_string=False)
    assert raw == {"tags": {"b": "2"}}


def test_with_force_string_a_value_is_text_whatever_it_looks_like() -> None:
    raw: dict[str, Any] = {}
    change(raw, ['["--set", "x={}", "y=1"]'], EndpointSpec, force_string=True)
    assert raw == {"x": "{}", "y": "1"}


FLAGS = ["--name", "--endpoint-name", "--no-wait", "--lines"]


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        (["--endpoint", "e"], ["--endpoint-name", "e"]),
        (["--end=e"], ["--endpoint-name=e"]),
        (["--name", "--x", "-n", "--"], ["--name", "--x", "-n", "--"]),
    ],
)
def test_a_unique_prefix_of_a_flag_is_the_flag(given: list[str], meant: list[str]) -> None:
    assert spelled_out(given, FLAGS) == meant


def test_a_prefix_that_two_flags_share_is_refused_in_argparses_words() -> None:
    with pytest.raises(click.UsageError, match="ambiguous option: --n could match --name, --no-wa"):
        spelled_out(["--n", "x"], FLAGS)


def test_create_takes_several_words_after_one_set() -> None:
    words = ["--set", "a=1", "b=2", "-n", "x", "--set=c=3"]
    assert repeated(words) == ["--set", "a=1", "--set", "b=2", "-n", "x", "--set", "c=3"]
