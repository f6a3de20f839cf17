"""What may be written in several ways, and which keys of Azure's files do nothing here."""

import pytest

from router.core.deployment_spec import DeploymentSpec
from router.core.endpoint_spec import EndpointSpec
from router.core.meaning import without_meaning
from router.core.parse import parse

BLUE = {
    "name": "blue",
    "endpoint_name": "my-endpoint",
    "code_configuration": {"code": "code", "scoring_script": "score.py"},
}


@pytest.mark.parametrize("word", ["Key", "KEY", "key"])
def test_a_choice_may_be_written_in_any_case(word: str) -> None:
    assert parse(EndpointSpec, {"name": "e", "auth_mode": word}, "e.yml").auth_mode == "key"


@pytest.mark.parametrize("word", ["AMLToken", "aml_token", "amltoken"])
def test_a_choice_may_be_written_as_the_rest_api_does(word: str) -> None:
    assert parse(EndpointSpec, {"name": "e", "auth_mode": word}, "e.yml").auth_mode == "aml_token"


def test_numbers_and_truth_values_may_stand_for_text() -> None:
    raw = {**BLUE, "tags": {"version": 1, "good": True}, "environment_variables": {"WORKERS": 2}}
    spec = parse(DeploymentSpec, raw, "blue.yml")
    assert spec.tags == {"version": "1", "good": "true"}
    assert spec.environment_variables == {"WORKERS": "2"}


def test_text_may_stand_for_numbers_and_truth_values() -> None:
    raw = {**BLUE, "instance_count": "3", "app_insights_enabled": "true"}
    spec = parse(DeploymentSpec, raw, "blue.yml")
    assert (spec.instance_count, spec.app_insights_enabled) == (3, True)


def test_the_word_null_is_text_where_text_is_wanted() -> None:
    assert parse(EndpointSpec, {"name": "e", "description": "null"}, "e.yml").description == "null"


def test_what_is_given_is_not_changed() -> None:
    raw = {"name": "e", "auth_mode": "Key", "tags": {"a": 1}}
    parse(EndpointSpec, raw, "e.yml")
    assert raw == {"name": "e", "auth_mode": "Key", "tags": {"a": 1}}


def test_keys_that_do_nothing_here_are_named() -> None:
    raw = {
        **BLUE,
        "instance_type": "Standard_DS3_v2",
        "environment": {"image": "i", "build": {"path": "."}, "conda_file": {"name": "e"}},
        "data_collector": {"collections": {"request": {"enabled": True}}},
        "egress_public_network_access": "Disabled",
        "private_network_connection": True,
        "app_insights_enabled": True,
        "model_mount_path": "/mnt",
        "resources": {"limits": {"memory": "1Gi"}},
    }
    assert without_meaning(parse(DeploymentSpec, raw, "blue.yml")) == [
        "model_mount_path",
        "environment.image",
        "environment.build",
        "app_insights_enabled",
        "data_collector",
        "egress_public_network_access",
        "private_network_connection",
    ]


def test_identity_and_network_of_an_endpoint_do_nothing_here() -> None:
    raw = {
        "name": "e",
        "identity": {"type": "SystemAssigned"},
        "public_network_access": "Disabled",
    }
    spec = parse(EndpointSpec, raw, "e.yml")
    assert without_meaning(spec) == ["identity", "public_network_access"]
