"""Messages of router.core.parse: expected, got, at which path, and a suggestion."""

from typing import Literal

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.config import DaemonConfig
from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest
from router.core.parse import parse

BLUE = {
    "name": "blue",
    "endpoint_name": "my-endpoint",
    "code_configuration": {"code": "src", "scoring_script": "score.py"},
}


def refusal(type_: type, raw: object) -> str:
    with pytest.raises(BadRequest) as refused:
        parse(type_, raw, "blue.yml")
    return refused.value.message


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"instance_count": "two"}, "expected `int`, got 'two' (str), at `$.instance_count`"),
        ({"instance_count": 0}, "expected `int` >= 1, got 0 (int), at `$.instance_count`"),
        ({"instance_count": 51}, "expected `int` <= 50, got 51 (int), at `$.instance_count`"),
        ({"instance_count": True}, "expected `int`, got True (bool), at `$.instance_count`"),
        ({"name": None}, "expected `str`, got null, at `$.name`"),
        ({"type": "kube"}, "expected 'kubernetes' or 'managed', got 'kube', at `$.type`"),
        ({"model": {"path": [1]}}, "expected `str`, got array, at `$.model.path`"),
        (
            {"model": {}},
            "expected the key `path`, got none, at `$.model`: Missing data for required field.",
        ),
        ({"model": []}, "expected `str | object | null`, got array, at `$.model`"),
        (
            {"model": {"pth": "m"}},
            "expected one of $schema, description, flavors, name, path, properties, stage, tags, "
            "type, version, got the key `pth`, at `$.model.pth`; did you mean `path`?",
        ),
        (
            {"request_settings": {"request_timeout_ms": 300_001}},
            "expected `int` <= 300000, got 300001 (int), at "
            "`$.request_settings.request_timeout_ms`",
        ),
        (
            {"environment_variables": {"A": "b", "WORKERS": [4]}},
            "expected `str`, got array, at `$.environment_variables.WORKERS`",
        ),
    ],
)
def test_a_wrong_deployment_is_refused_with_its_value_and_place(
    changed: dict[str, object], message: str
) -> None:
    assert refusal(DeploymentSpec, {**BLUE, **changed}) == f"blue.yml: {message}"


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        (
            {},
            "expected the key `name`, got none, at `$`: Missing data for required field.",
        ),
        ([], "expected `object`, got array, at `$`"),
        (None, "expected `object`, got null, at `$`"),
        ("name", "expected `object`, got 'name' (str), at `$`"),
        (
            {"name": "e", "traffic": {"blue": 5, "green": 101}},
            "expected `int` <= 100, got 101 (int), at `$.traffic.green`",
        ),
        (
            {"name": "e", "traffic": {"blue": "half"}},
            "expected `int`, got 'half' (str), at `$.traffic.blue`",
        ),
        (
            {"name": "e", "auth_mode": "none"},
            "expected 'aad_token' or 'aml_token' or 'key', got 'none', at `$.auth_mode`",
        ),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_value_and_place(raw: object, message: str) -> None:
    assert refusal(EndpointSpec, raw) == f"blue.yml: {message}"


def test_a_place_in_a_list_is_named_by_its_index() -> None:
    raw = {"endpoints": [{"endpoint": "a"}, {"endpoint": "b", "deployments": [{}]}]}
    message = refusal(DaemonConfig, raw)
    assert message == "blue.yml: expected `str`, got object, at `$.endpoints[1].deployments[0]`"


def test_a_misspelt_key_gets_a_suggestion() -> None:
    message = refusal(DeploymentSpec, {**BLUE, "instance_cont": 2})
    assert message.endswith("at `$.instance_cont`; did you mean `instance_count`?")


def test_defaults_are_azures() -> None:
    spec = parse(DeploymentSpec, BLUE, "blue.yml")
    settings, probe = spec.request_settings, spec.liveness_probe
    assert (settings.request_timeout_ms, settings.max_concurrent_requests_per_instance) == (5000, 1)
    assert (probe.initial_delay, probe.period, probe.timeout) == (10, 10, 2)
    assert (probe.success_threshold, probe.failure_threshold) == (1, 30)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)
keys = st.sampled_from(
    [*BLUE, "model", "traffic", "instance_count", "request_settings", "liveness_probe", "tags"]
)


@given(st.dictionaries(keys, json_values) | json_values)
def test_any_data_is_taken_or_refused_with_one_message(raw: object) -> None:
    try:
        spec = parse(DeploymentSpec, raw, "any.yml")
    except BadRequest as refused:
        assert refused.message.startswith("any.yml: ")
        assert "`$" in refused.message
    else:
        assert parse(DeploymentSpec, msgspec.to_builtins(spec), "again") == spec


def test_a_choice_that_may_be_missing_lists_its_values() -> None:
    class Optional(msgspec.Struct):
        level: Literal["low", "high"] | None = None

    assert refusal(Optional, {"level": "mid"}) == (
        "blue.yml: expected 'high' or 'low', got 'mid', at `$.level`"
    )
