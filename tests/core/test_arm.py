"""Conversion between config types and Azure Resource Manager's bodies, both ways."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core.arm import (
    arm_duration,
    deployment_from_arm,
    deployment_to_arm,
    endpoint_from_arm,
    endpoint_to_arm,
    parse_arm_duration,
)
from router.core.deployment_spec import (
    CodeConfiguration,
    DeploymentSpec,
    Environment,
    Model,
    Probe,
    RequestSettings,
    ResourceRequirements,
    Resources,
    ScaleSettings,
)
from router.core.endpoint_spec import EndpointSpec, Identity, UserAssignedIdentity
from router.core.errors import BadRequest

TEXTS = st.dictionaries(st.text(max_size=5), st.text(max_size=5), max_size=3)
PERCENTS = st.dictionaries(st.text(min_size=1, max_size=5), st.integers(0, 100), max_size=3)
SECONDS = st.integers(1, 600)
PROBES = st.builds(
    Probe,
    initial_delay=SECONDS,
    period=SECONDS,
    timeout=SECONDS,
    success_threshold=st.integers(1, 9),
    failure_threshold=st.integers(1, 99),
)
RESOURCES = st.none() | st.builds(
    Resources,
    cpu=st.none() | st.just("100m"),
    memory=st.none() | st.just("0.1Gi"),
    gpu=st.none() | st.just("1"),
)
DEPLOYMENTS = st.builds(
    DeploymentSpec,
    name=st.just("blue"),
    endpoint_name=st.just("my-endpoint"),
    code_configuration=st.builds(
        CodeConfiguration, code=st.just("/code"), scoring_script=st.just("score.py")
    ),
    description=st.none() | st.text(max_size=5),
    tags=TEXTS,
    properties=TEXTS,
    model=st.none() | st.just("azureml:m:1") | st.builds(Model, path=st.just("/models/m")),
    environment=st.none()
    | st.just("azureml:e:1")
    | st.builds(
        Environment,
        image=st.none() | st.text(max_size=5),
        conda_file=st.none() | st.just("/conda.yaml") | st.just({"name": "e"}),
    ),
    environment_variables=TEXTS,
    instance_type=st.none() | st.just("Standard_DS3_v2"),
    instance_count=st.integers(1, 50),
    app_insights_enabled=st.booleans(),
    egress_public_network_access=st.sampled_from(["enabled", "disabled"]),
    request_settings=st.builds(
        RequestSettings,
        request_timeout_ms=st.integers(1, 180_000),
        max_concurrent_requests_per_instance=st.integers(1, 1000),
        max_queue_wait_ms=st.integers(0, 10**6),
    ),
    liveness_probe=PROBES,
    readiness_probe=PROBES,
    type=st.sampled_from(["managed", "kubernetes"]),
    model_mount_path=st.none() | st.just("/mnt"),
    private_network_connection=st.booleans(),
    resources=st.none() | st.builds(ResourceRequirements, requests=RESOURCES, limits=RESOURCES),
    scale_settings=st.just(ScaleSettings())
    | st.builds(
        ScaleSettings,
        type=st.just("target_utilization"),
        min_instances=st.integers(1, 50),
        max_instances=st.integers(1, 50),
        target_utilization_percentage=st.integers(1, 100),
        polling_interval=st.integers(1, 100),
    ),
)
ENDPOINTS = st.builds(
    EndpointSpec,
    name=st.just("my-endpoint"),
    description=st.none() | st.text(max_size=5),
    tags=TEXTS,
    properties=TEXTS,
    auth_mode=st.sampled_from(["key", "aml_token", "aad_token"]),
    compute=st.none() | st.just("azureml:inferencecompute"),
    identity=st.none()
    | st.builds(
        Identity,
        type=st.just("user_assigned"),
        user_assigned_identities=st.just([UserAssignedIdentity(resource_id="/subscriptions/s")]),
    ),
    public_network_access=st.sampled_from(["enabled", "disabled"]),
    traffic=PERCENTS,
    mirror_traffic=PERCENTS,
)
MINIMAL_DEPLOYMENT = {
    "properties": {"codeConfiguration": {"codeId": "/code", "scoringScript": "score.py"}}
}


@given(ENDPOINTS)
def test_an_endpoint_survives_the_way_there_and_back(spec: EndpointSpec) -> None:
    assert endpoint_from_arm(spec.name, endpoint_to_arm(spec), "body") == spec


@given(DEPLOYMENTS)
def test_a_deployment_survives_the_way_there_and_back(spec: DeploymentSpec) -> None:
    body = deployment_to_arm(spec)
    assert deployment_from_arm(spec.endpoint_name, spec.name, body, "body") == spec


@given(st.integers(0, 10**9))
def test_a_duration_survives_the_way_there_and_back(ms: int) -> None:
    assert parse_arm_duration(arm_duration(ms), "$") == ms


@pytest.mark.parametrize(
    ("text", "ms"),
    [("PT3S", 3000), ("PT0.25S", 250), ("PT1M30S", 90_000), ("PT2H", 7_200_000), ("P1D", 86.4e6)],
)
def test_durations_as_clients_of_azure_write_them_are_read(text: str, ms: int) -> None:
    assert parse_arm_duration(text, "$") == ms


@pytest.mark.parametrize(
    "text", ["", "P", "PT", "5", "5s", "PT5", "-PT5S", "PT5S ", "P1Y", f"PT{9**400}S", "PT\u0665S"]
)
def test_other_text_is_no_duration(text: str) -> None:
    with pytest.raises(BadRequest, match=r"PT5S, got .*, at `\$\.x`"):
        parse_arm_duration(text, "$.x")


def test_percents_may_come_as_numeric_strings() -> None:
    body = {"properties": {"traffic": {"blue": "90", "green": 10}}}
    assert endpoint_from_arm("my-endpoint", body, "body").traffic == {"blue": 90, "green": 10}


def test_the_answer_to_a_get_may_be_sent_back() -> None:
    body = {
        "id": "/subscriptions/s",
        "name": "my-endpoint",
        "type": "t",
        "kind": "Managed",
        "location": "local",
        "identity": {"type": "SystemAssigned"},
        "systemData": {"createdAt": "now"},
        "tags": {},
        "properties": {
            "scoringUri": "http://x",
            "swaggerUri": None,
            "provisioningState": "Succeeded",
            "authMode": "Key",
            "compute": None,
        },
    }
    assert endpoint_from_arm("my-endpoint", body, "body") == EndpointSpec(name="my-endpoint")


def test_what_a_deployment_does_not_say_has_its_default() -> None:
    spec = deployment_from_arm("my-endpoint", "blue", MINIMAL_DEPLOYMENT, "body")
    code = CodeConfiguration(code="/code", scoring_script="score.py")
    assert spec == DeploymentSpec(name="blue", endpoint_name="my-endpoint", code_configuration=code)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ([], "expected `object`, got array, at `$`"),
        ({}, "expected the key `properties`, got none, at `$`"),
        ({"properties": {}, "name": "other"}, "got 'other', at `$.name`"),
        (
            {"properties": {"trafic": {}}},
            "at `$.properties.trafic`; did you mean `traffic`?",
        ),
        (
            {"properties": {"authMode": "Password"}},
            "expected 'AADToken' or 'AMLToken' or 'Key', got 'Password', at "
            "`$.properties.authMode`",
        ),
        ({"properties": {"traffic": {"a": 50, "b": "x"}}}, "at `$.properties.traffic.b`"),
        ({"properties": {"traffic": {"a": 101}}}, "at `$.traffic.a`"),
    ],
)
def test_a_wrong_endpoint_is_refused_with_its_place(body: object, message: str) -> None:
    with pytest.raises(BadRequest) as caught:
        endpoint_from_arm("my-endpoint", body, "request body")
    assert caught.value.message.startswith("request body")
    assert message in caught.value.message


@pytest.mark.parametrize(
    ("properties", "message"),
    [
        ({"scaleSettings": {"scaleType": "Random"}}, "expected 'Default' or 'TargetUtilization'"),
        (
            {"scaleSettings": {"scaleType": "TargetUtilization", "pollingInterval": "PT0.5S"}},
            "expected whole seconds, got 'PT0.5S', at `$.properties.scaleSettings.pollingInterval`",
        ),
        ({"endpointComputeType": "Desktop"}, "expected 'Kubernetes' or 'Managed'"),
        (
            {"requestSettings": {"requestTimeout": "5s"}},
            "got '5s', at `$.properties.requestSettings.requestTimeout`",
        ),
        ({"requestSettings": {"requestTimeout": "PT301S"}}, "$.request_settings.request_timeout"),
        (
            {"livenessProbe": {"period": "PT0.5S"}},
            "expected whole seconds, got 'PT0.5S', at `$.properties.livenessProbe.period`",
        ),
        ({"codeConfiguration": {"codeId": "/code"}}, "expected the key `scoringScript`"),
    ],
)
def test_a_wrong_deployment_is_refused_with_its_place(
    properties: dict[str, object], message: str
) -> None:
    body = {"properties": {**MINIMAL_DEPLOYMENT["properties"], **properties}}
    with pytest.raises(BadRequest) as caught:
        deployment_from_arm("my-endpoint", "blue", body, "request body")
    assert message in caught.value.message


@pytest.mark.parametrize("count", [0, 51])
def test_an_instance_count_out_of_range_is_refused(count: int) -> None:
    with pytest.raises(BadRequest, match=r"at `\$\.instance_count`"):
        deployment_from_arm(
            "my-endpoint", "blue", {**MINIMAL_DEPLOYMENT, "sku": {"capacity": count}}, "body"
        )
