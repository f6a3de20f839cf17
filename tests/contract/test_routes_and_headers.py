"""The routes besides POST /score, the ids, swagger, logs and processes, as in Azure's server.

azure.md 7.1, 7.3, 7.4, 7.5 and items 7 to 10 of 7.6.
"""

import json
import os
import subprocess
import sys
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.contract.conftest import JSON, Pair
from tests.contract.servers import WAIT_S, Turnout
from tests.free_port import free_port

ROOT = Path(__file__).parents[2]
PATH = f"{ROOT}:{ROOT / 'proto'}"
Pairs = Callable[[str], Pair]


def test_the_health_page_says_healthy(pair: Pairs) -> None:
    assert pair("text").compare(None, method="GET", target="/", headers={}).body == b"Healthy"


@pytest.mark.parametrize(
    ("method", "target", "status"),
    [
        ("OPTIONS", "/score", 200),
        ("PUT", "/score", 405),
        ("DELETE", "/score", 405),
        ("PATCH", "/score", 405),
        ("POST", "/swagger.json", 405),
        ("POST", "/", 405),
    ],
)
def test_other_methods_are_answered_alike(
    pair: Pairs, method: str, target: str, status: int
) -> None:
    reply = pair("text").ours.ask(method, target, b"", {})
    theirs = pair("text").theirs.ask(method, target, b"", {})
    assert (reply.status, reply.body) == (theirs.status, theirs.body)
    assert reply.status == status


def skeleton(document: object) -> object:
    """A swagger document without what is only words for people."""
    if isinstance(document, dict):
        kept = {
            k: v for k, v in document.items() if not (k == "description" and isinstance(v, str))
        }
        # Examples of "Healthy": in the templates only.
        return {k: skeleton(v) for k, v in kept.items() if k not in ("example", "examples")}
    if isinstance(document, list):
        return [skeleton(one) for one in document]
    return document


@pytest.mark.parametrize("version", ["", "2", "2.0", "3", "3.0", "3.1"])
@pytest.mark.parametrize("script", ["text", "schema", "mixed", "driver"])
def test_swagger_has_the_same_structure(pair: Pairs, script: str, version: str) -> None:
    target = "/swagger.json" + (f"?version={version}" if version else "")
    servers = pair(script).theirs, pair(script).ours
    theirs, ours = (server.ask("GET", target, None, {}) for server in servers)
    assert ours.status == theirs.status
    assert ours.compared_headers == theirs.compared_headers
    if ours.status != 200:
        assert ours.body == theirs.body
        return
    mine, other = json.loads(ours.body), json.loads(theirs.body)
    assert skeleton(mine) == skeleton(other)
    holder = mine.get("definitions") or mine.get("components", {}).get("schemas", {})
    expected = other.get("definitions") or other.get("components", {}).get("schemas", {})
    assert holder.get("ServiceInput") == expected.get("ServiceInput")


@pytest.mark.parametrize("version", ["1", "4", "2.1", "x"])
def test_an_unknown_swagger_version_is_refused(pair: Pairs, version: str) -> None:
    reply = pair("schema").compare(None, method="GET", target=f"/swagger.json?version={version}")
    assert reply.status == 404


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"x-ms-client-request-id": "mine-1"},
        {"x-ms-request-id": "older-1"},
        {"x-ms-request-id": "older-1", "x-ms-client-request-id": "mine-1"},
        {"TraceId": "a trace"},
    ],
)
def test_ids_come_back(pair: Pairs, headers: dict[str, str]) -> None:
    replies = [
        server.ask("POST", "/score", b"{}", {**JSON, **headers})
        for server in (pair("text").theirs, pair("text").ours)
    ]
    for reply in replies:
        assert str(uuid.UUID(reply.headers["x-request-id"])) == reply.headers["x-request-id"]
        given = headers.get("x-ms-request-id") or headers.get("x-ms-client-request-id")
        assert reply.headers["x-ms-request-id"] == given or reply.headers["x-request-id"]
        assert float(reply.headers["x-ms-run-fn-exec-ms"]) >= 0
    theirs, ours = replies
    assert ours.compared_headers == theirs.compared_headers


def test_what_a_script_prints_and_logs_is_in_its_log(pair: Pairs, turnout: Turnout) -> None:
    assert pair("text").ours.ask("POST", "/score", b"log", JSON).status == 200
    log = turnout.logs("text")
    assert "azmlinfsrv.print - init-has-run" in log
    assert "azmlinfsrv.print - printed by run" in log
    assert " I [" in log
    assert "azmlinfsrv - said by the script" in log
    # Azure's server shows nothing of the root logger, and users look for it (azure.md 7.4).
    assert "root - said to the root logger" in log


def test_worker_count_is_a_number_of_processes_with_an_init_each(pair: Pairs) -> None:
    def ask(_: int) -> bytes:
        return pair("many").ours.ask("POST", "/score", b"", JSON).body

    theirs = json.loads(pair("many").theirs.ask("POST", "/score", b"", JSON).body)
    with ThreadPoolExecutor(6) as threads:
        replies = [json.loads(body) for body in threads.map(ask, range(30))]
    assert all(each[0] and each[2] for each in [theirs, *replies])
    assert len({each[1] for each in replies}) == 3


@pytest.mark.parametrize(
    "script",
    [
        "def init(): raise OSError('no weights')\ndef run(raw): pass",
        "import no_such_module",
        "def run(raw): pass",
        "def init(): pass\ndef run(*args): pass",
        "def init(): pass\ndef run(request_headers): pass",
    ],
)
def test_a_script_that_cannot_start_ends_either_server_with_3(tmp_path: Path, script: str) -> None:
    (tmp_path / "score.py").write_text(script)
    azures = (
        "azureml_inference_server_http",
        "--entry_script",
        "score.py",
        "--port",
        str(free_port()),
    )
    ours = ("runtime", "--target", f"unix:{tmp_path}/i.sock", "--code", str(tmp_path))
    for command in (azures, (*ours, "--scoring-script", "score.py")):
        ended = subprocess.run(
            [sys.executable, "-m", *command],
            cwd=tmp_path,
            env={**os.environ, "AML_APP_ROOT": str(tmp_path), "PYTHONPATH": PATH},
            capture_output=True,
            timeout=WAIT_S,
            check=False,
        )
        assert ended.returncode == 3, ended.stdout
