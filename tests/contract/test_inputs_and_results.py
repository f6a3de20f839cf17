"""What run() gets and what becomes of what it returns, as Azure's server does it.

azure.md 7.2, 7.4 and items 1 to 6 of 7.6.
"""

import json
from collections.abc import Callable

import pytest

from tests.contract.conftest import JSON, Pair

Pairs = Callable[[str], Pair]


def test_the_script_finds_its_model_its_root_and_its_own_name(pair: Pairs) -> None:
    reply = pair("text").compare("environment")
    assert json.loads(reply.body) == ["score.py", True, ["model-1"]]


def test_modules_beside_the_script_can_be_imported(pair: Pairs) -> None:
    assert json.loads(pair("text").compare("neighbour").body) == "next door"


def test_init_is_called_once(pair: Pairs) -> None:
    assert json.loads(pair("text").compare("inits").body) == 1


@pytest.mark.parametrize(
    "result",
    ["{'a': [1, 2.5, None]}", "[1, 'two']", "'text'", "''", "7", "True", "None", "float('inf')",
     "'\\u00e4\\u4e16'", "(1, 2)"],
)  # fmt: skip
def test_what_run_returns_becomes_json(pair: Pairs, result: str) -> None:
    assert pair("text").compare(f"return {result}").status == 200


@pytest.mark.parametrize("result", ["b'bytes'", "{1, 2}", "object()"])
def test_what_json_cannot_express_is_an_internal_error(pair: Pairs, result: str) -> None:
    assert pair("text").compare(f"return {result}").status == 500


def test_an_exception_is_a_500_that_says_that_run_failed(pair: Pairs) -> None:
    reply = pair("text").compare("raise")
    assert reply.status == 500
    assert reply.headers["x-ms-run-function-failed"] == "True"


def test_a_timeout_error_of_the_scripts_own_passes_for_a_timeout(pair: Pairs) -> None:
    assert b"Scoring timeout after 3600000 ms" in pair("text").compare("timeout error").body


@pytest.mark.parametrize("body", [b"\xff\xfe", b"caf\xe9"])
def test_what_is_not_utf_8_is_refused(pair: Pairs, body: bytes) -> None:
    reply = pair("text").compare(body)
    assert reply.status == 400
    assert b"Input cannot be decoded as UTF-8" in reply.body


@pytest.mark.parametrize("body", ["", "{}", '{"data": [1, 2]}', "plain text", "\u00fc\u4e16"])
def test_an_undecorated_run_gets_the_body_as_text(pair: Pairs, body: str) -> None:
    assert json.loads(pair("text").compare(body).body) == body


@pytest.mark.parametrize(
    "query",
    [
        "",
        "?a=1&b=[1,2]&c=a&d=null",
        "?foo=bar1&foo=bar2&x=y",
        "?empty=&quoted=%22q%22",
        "?%C3%A4=+1",
    ],
)
def test_a_get_gives_run_the_query_as_json(pair: Pairs, query: str) -> None:
    pair("text").compare(None, method="GET", target=f"/score{query}")


def test_request_headers_are_a_dictionary_with_names_in_title_case(pair: Pairs) -> None:
    headers = {**JSON, "x-own": "a value", "Accept": "text/plain"}
    reply = pair("headers").ours.ask("POST", "/score", b"abc", headers)
    theirs = pair("headers").theirs.ask("POST", "/score", b"abc", headers)
    data, seen, names = json.loads(reply.body)
    assert [data, seen] == json.loads(theirs.body)[:2]
    # The router names each request before the script sees it.
    assert names == ["X-Own", "X-Request-Id"]


SCHEMA_INPUT = {"rows": [[1, 2], [3, 4]], "factor": 2}


@pytest.mark.parametrize(
    "body",
    [
        SCHEMA_INPUT,
        {**SCHEMA_INPUT, "frame": [{"a": 1, "b": "y"}]},
        {**SCHEMA_INPUT, "unknown": 1},
        {"rows": [[1, 2]]},
        {"factor": 3},
        {"rows": [[1, "a"]], "factor": 2},
        {"rows": [[1, 2, 3]], "factor": 2},
        {"rows": 1, "factor": "a"},
        [1, 2],
        "text",
    ],
)
def test_a_decorated_run_gets_the_fields_of_a_json_object(pair: Pairs, body: object) -> None:
    pair("schema").compare(json.dumps(body))


@pytest.mark.parametrize("body", [b"", b"not json", b'{"rows": [[1, 2]], "factor": 2'])
def test_a_decorated_run_refuses_what_is_no_json_object(pair: Pairs, body: bytes) -> None:
    assert pair("schema").compare(body).status == 400


@pytest.mark.parametrize(
    ("content_type", "status"),
    [
        ("application/json; charset=utf-8", 200),
        ("application/vnd.sums+json", 200),
        ("Application/JSON", 200),
        ("text/plain", 415),
        ("application/x-www-form-urlencoded", 415),
        ("", 415),
    ],
)
def test_a_decorated_run_wants_json(pair: Pairs, content_type: str, status: int) -> None:
    headers = {"Content-Type": content_type} if content_type else {}
    assert pair("schema").compare(json.dumps(SCHEMA_INPUT), headers=headers).status == status


def test_a_decorated_run_takes_its_fields_from_a_query_too(pair: Pairs) -> None:
    target = "/score?rows=[[1,2]]&factor=2"
    assert pair("schema").compare(None, method="GET", target=target, headers={}).status == 200


def test_a_driver_modules_own_run_is_passed_over(pair: Pairs) -> None:
    assert json.loads(pair("driver").compare("data").body) == [True, "data"]


def test_a_run_that_takes_too_long_is_ended(pair: Pairs) -> None:
    assert b"Scoring timeout after 200 ms" in pair("slow").compare("30").body
    assert json.loads(pair("slow").compare("0.001").body) == "in time"
    assert json.loads(pair("slow").compare("swallow").body) == "swallowed"
