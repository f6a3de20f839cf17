"""Invariant 6, rules: which settings fit which kind of endpoint (azure.md 2.1 to 2.3)."""

import pytest

from router.core.deployment_spec import (
    CodeConfiguration,
    DeploymentSpec,
    RequestSettings,
    ResourceRequirements,
    Resources,
    ScaleSettings,
)
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import BadRequest
from router.core.rules import check_deployment, check_endpoint

BACKWARDS = ScaleSettings(type="target_utilization", min_instances=3, max_instances=2)


def deployment(**changes: object) -> DeploymentSpec:
    code = CodeConfiguration(code="code", scoring_script="score.py")
    fields = {"name": "blue", "endpoint_name": "my-endpoint", **changes}
    return DeploymentSpec(code_configuration=code, **fields)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("spec", "is_kubernetes", "message"),
    [
        (deployment(type="kubernetes"), False, "expected 'managed', because the endpoint is one "),
        (deployment(), True, "expected 'kubernetes', because the endpoint is one with `compute`"),
        (
            deployment(scale_settings=ScaleSettings(type="target_utilization")),
            False,
            "ManagedOnlineEndpoint supports DefaultScaleSettings only.",
        ),
        (
            deployment(request_settings=RequestSettings(request_timeout_ms=180_001)),
            False,
            "expected at most 180000, got 180001, at `$.request_settings.request_timeout_ms`",
        ),
        (
            deployment(type="kubernetes", scale_settings=BACKWARDS),
            True,
            "expected at most max_instances (2), got 3, at `$.scale_settings.min_instances`",
        ),
        (
            deployment(type="kubernetes", resources=ResourceRequirements(limits=Resources("1,5"))),
            True,
            'expected cores such as "0.5", "500m" or "2", got \'1,5\', at `$.resources.limits.cpu`',
        ),
        (
            deployment(
                type="kubernetes",
                resources=ResourceRequirements(
                    requests=Resources(memory="1Gi"), limits=Resources(memory="500Mi")
                ),
            ),
            True,
            "expected at most the limit, got more, at `$.resources.requests.memory`",
        ),
        (
            deployment(type="kubernetes", name="b" * 32, endpoint_name="e" * 31),
            True,
            "expected names of endpoint and deployment of 6 to 62 characters together, got 63",
        ),
    ],
)
def test_settings_that_do_not_fit_the_kind_are_refused(
    *, spec: DeploymentSpec, is_kubernetes: bool, message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        check_deployment(spec, is_kubernetes=is_kubernetes)
    assert message in refused.value.message


def test_a_deployment_of_the_type_kubernetes_may_wait_longer() -> None:
    settings = RequestSettings(request_timeout_ms=300_000)
    spec = deployment(type="kubernetes", request_settings=settings)
    check_deployment(spec, is_kubernetes=True)


@pytest.mark.parametrize(
    ("spec", "old", "message"),
    [
        (EndpointSpec(name="e", auth_mode="aad_token"), None, "expected key or aml_token, got"),
        (
            EndpointSpec(name="e", compute="azureml:c", mirror_traffic={"green": 10}),
            None,
            "got green=10, at `$.mirror_traffic`",
        ),
        (
            EndpointSpec(name="e", compute="azureml:c"),
            EndpointSpec(name="e"),
            "expected no cluster, as the endpoint was created with, got azureml:c, at `$.compute`",
        ),
    ],
)
def test_what_an_endpoint_cannot_be_is_refused(
    spec: EndpointSpec, old: EndpointSpec | None, message: str
) -> None:
    with pytest.raises(BadRequest) as refused:
        check_endpoint(spec, old)
    assert message in refused.value.message


def test_a_mirror_of_0_percent_is_none() -> None:
    check_endpoint(EndpointSpec(name="e", compute="azureml:c", mirror_traffic={"green": 0}), None)
