"""The API against its own OpenAPI document: Schemathesis sends what it allows and what not.

What the document says of which routes is in test_openapi_document.py.
"""

import os
from typing import Any

import pytest
import requests
import schemathesis
from hypothesis import HealthCheck, given, settings
from schemathesis import GenerationMode, openapi
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi import checks

from tests.control_plane.daemon import ENDPOINTS, Daemon, deployment_body

LIMIT_S = 60
# Of each operation and mode; `make properties` asks for more.
EXAMPLES = int(os.environ.get("SCHEMATHESIS_EXAMPLES", "15"))
# Names that exist, put in place of half of those that are made up: else all ends in 404.
KNOWN = {"endpoint": "known", "deployment": "blue", "datastore": "workspaceblobstore"}
CHECKS = [
    not_a_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_headers_conformance,
    checks.response_schema_conformance,
    checks.negative_data_rejection,
    checks.unsupported_method,
    checks.allow_header_conformance,
]


@pytest.fixture(scope="module")
def document(shared_daemon: Daemon) -> schemathesis.BaseSchema:
    base = shared_daemon.addresses["control_base"]
    endpoint = f"{base}{ENDPOINTS}/known"
    put = requests.put(endpoint, json={"properties": {}}, timeout=LIMIT_S)
    assert put.status_code == 201
    body: Any = deployment_body(shared_daemon.code("code"))
    put = requests.put(f"{endpoint}/deployments/blue", json=body, timeout=LIMIT_S)
    status = put.headers["Azure-AsyncOperation"]
    done = requests.get(status, headers={"Prefer": "wait=60"}, timeout=LIMIT_S)
    assert done.json()["status"] == "Succeeded"
    # Each reload takes a second for each worker; tests/e2e/test_workers.py has its fill of them.
    return openapi.from_url(f"{base}/openapi.json").exclude(path="/reload")


@pytest.mark.parametrize("mode", GenerationMode)
def test_no_request_is_a_server_error_and_answers_are_as_documented(
    document: schemathesis.BaseSchema, mode: GenerationMode
) -> None:
    with requests.Session() as session:
        for found in document.get_all_operations():
            assert isinstance(found, Ok), found
            _check(found.ok(), mode, session)


def _check(operation: Any, mode: GenerationMode, session: requests.Session) -> None:
    @settings(max_examples=EXAMPLES, suppress_health_check=list(HealthCheck))
    @given(case=operation.as_strategy(generation_mode=mode))
    def check(case: schemathesis.Case[Any]) -> None:
        for name, known in KNOWN.items():
            made_up = case.path_parameters.get(name)
            if isinstance(made_up, str) and len(made_up) % 2:
                case.path_parameters[name] = known
        if case.method == "DELETE" and case.path_parameters.get("endpoint") == "known":
            # What others are asked about stays.
            case.path_parameters["endpoint"] = "unknown"
        case.call_and_validate(checks=CHECKS, timeout=LIMIT_S, session=session)

    check()
