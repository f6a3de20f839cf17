"""@rawhttp: flask's request in, the script's own response out, as Azure's server does it.

azure.md 7.2, 7.4, 4.8 and item 11 of 7.6.
"""

import json
from collections.abc import Callable

import pytest
import urllib3

from tests.contract.conftest import JSON, Pair

Pairs = Callable[[str], Pair]


def test_a_multipart_form_arrives_with_its_files(pair: Pairs) -> None:
    image = urllib3.fields.RequestField("image", bytes(range(256)), filename="cat.png")
    image.make_multipart(content_type="image/png")
    note = urllib3.fields.RequestField("note", "a cat")
    note.make_multipart()
    body, content_type = urllib3.encode_multipart_formdata([image, note], boundary="a-boundary")
    headers = {"Content-Type": content_type}
    reply = pair("raw").compare(body, target="/score?do=files", headers=headers)
    assert json.loads(reply.body) == {"name": "cat.png", "size": 256, "form": {"note": "a cat"}}


@pytest.mark.parametrize("method", ["GET", "POST", "OPTIONS"])
def test_run_sees_method_query_headers_and_body(pair: Pairs, method: str) -> None:
    target = "/score?do=describe&more=1&more=%20two"
    headers = {**JSON, "x-own": "value"}
    body = None if method == "GET" else b'{"a": 1}'
    reply = pair("raw").ours.ask(method, target, body, headers)
    theirs = pair("raw").theirs.ask(method, target, body, headers)
    seen, expected = json.loads(reply.body), json.loads(theirs.body)
    # A body of no bytes has a length here and none there.
    assert {**seen, "length": seen["length"] or None} == expected
    assert seen["method"] == method


@pytest.mark.parametrize(
    "what", ["bytes", "headers", "none", "failed", "flask", "json", "in context", "unknown"]
)
def test_what_the_script_answers_arrives_as_it_is(pair: Pairs, what: str) -> None:
    pair("raw").compare(target=f"/score?do={what}".replace(" ", "%20"))


@pytest.mark.parametrize("status", [200, 201, 202, 302, 400, 404, 418, 429, 500, 503])
def test_the_scripts_status_is_the_models(pair: Pairs, status: int) -> None:
    reply = pair("raw").compare(target=f"/score?do=status&status={status}")
    assert reply.status == status
    assert reply.headers["x-why"] == "because"


def test_a_response_of_flasks_own_that_failed_is_said_to_have_failed(pair: Pairs) -> None:
    reply = pair("raw").compare(target="/score?do=flask&status=500")
    assert reply.headers["x-ms-run-function-failed"] == "True"


def test_server_sent_events_are_streamed_in_chunks(pair: Pairs) -> None:
    reply = pair("raw").compare(target="/score?do=events&count=100")
    assert reply.headers["transfer-encoding"] == "chunked"
    assert reply.headers["content-type"].startswith("text/event-stream")
    assert reply.body.count(b"data: ") == 100


def test_a_large_stream_arrives_whole(pair: Pairs) -> None:
    assert len(pair("raw").compare(target="/score?do=large").body) > 20_000_000


def test_a_stream_that_breaks_before_it_begins_is_a_500(pair: Pairs) -> None:
    target = "/score?do=breaks%20at%20once"
    replies = [s.ask("POST", target, b"", {}) for s in (pair("raw").theirs, pair("raw").ours)]
    assert [reply.status for reply in replies] == [500, 500]


def test_a_stream_that_breaks_in_its_midst_is_no_whole_answer(pair: Pairs) -> None:
    for server in (pair("raw").theirs, pair("raw").ours):
        with pytest.raises(urllib3.exceptions.HTTPError):
            server.ask("POST", "/score?do=breaks", b"", {})
