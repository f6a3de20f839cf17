"""Requests and answers in columns say the same as messages of their own."""

from unittest.mock import Mock, patch

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.core import request as core
from router.core.request import VIEW_BYTES_MIN
from router.data_plane.columns import ColumnAnswer, answers_of
from router.data_plane.forwarding import COLUMNS_WISH, HEADERS_WISH, Forwarding
from router.data_plane.replies import Replies
from router.data_plane.request_ids import RequestIds
from runtime import answers, columns
from runtime.request import ColumnRequest, JoinedRequest, Request, as_message
from runtime.service import HEADERS_WISH as RUNTIMES_HEADERS_WISH
from tests.data_plane.test_large_bodies import taken
from turnout.scoring.v1.scoring_pb2 import (
    AnswerBatch,
    AnswerColumns,
    RequestBatch,
    RequestColumns,
    ScoreAnswer,
    ScoreRequest,
)

NOW_NS = 10**18 - 5
PLAIN = core.NO_HEAD
OTHER = (
    core.Head(content_type="text/csv"),
    core.Head(method="GET", target="/score?a=1"),
    core.Head(content_type=""),
)
ECHOING = (
    PLAIN,
    core.Head(legacy_id=b"mine", echo=b"x-ms-client-request-id: mine\r\n"),
    core.Head(echo=b"TraceId: 100%d\r\n"),
)
heads = st.sampled_from((PLAIN, PLAIN, *OTHER))
payloads = st.one_of(st.binary(max_size=20), st.just(bytes(VIEW_BYTES_MIN)))
ids = st.integers(1, 2**64 - 1)


def forwarding(*wishes: tuple[str, str]) -> Forwarding:
    made = Forwarding(RequestIds())
    made.read_wishes(wishes)
    return made


def received(message: bytes) -> list[Request]:
    batch = RequestBatch.FromString(message)
    return [*columns.requests_of(batch.columns), *batch.requests]


def said(request: Request) -> tuple[object, ...]:
    return (
        request.id, request.payload, request.timeout_ns, request.content_type, request.method,
        request.target, list(request.headers),
    )  # fmt: skip


def test_either_side_has_the_same_words_for_the_wishes() -> None:
    assert columns.WISH == COLUMNS_WISH
    assert RUNTIMES_HEADERS_WISH == HEADERS_WISH


@given(st.lists(st.tuples(ids, heads, payloads), max_size=8))
def test_an_instance_gets_the_same_requests_in_columns_and_without(
    drawn: list[tuple[int, core.Head, bytes]],
) -> None:
    batch = [taken(number, payload, head) for number, head, payload in drawn]
    with_columns = received(forwarding(COLUMNS_WISH).to_message(batch, NOW_NS))
    without = received(forwarding().to_message(batch, NOW_NS))
    assert all(isinstance(one, ScoreRequest) for one in without)
    assert sorted(map(said, with_columns), key=repr) == sorted(map(said, without), key=repr)
    assert list(map(said, map(as_message, with_columns))) == list(map(said, with_columns))


@given(ids, st.binary(max_size=20), st.integers(0, 10**12), st.sampled_from(ECHOING))
def test_a_client_gets_the_same_of_an_answer_in_columns_and_of_one_by_itself(
    number: int, payload: bytes, run_ns: int, head: core.Head
) -> None:
    replies, asked = Replies(RequestIds()), taken(number, b"", head)
    asked.deployment = Mock()
    asked.deployment.name = "blue"
    in_columns = ColumnAnswer(number, payload, run_ns)
    alone = ScoreAnswer(
        id=number, outcome=ScoreAnswer.OUTCOME_RETURNED, status=200, payload=payload, run_ns=run_ns,
        content_type="application/json",
    )  # fmt: skip
    for close in (True, False, False):
        said = replies.answer(asked, in_columns, close=close)
        assert said == replies.answer(asked, alone, close=close)
        with patch("router.data_plane.replies.formatdate", return_value="a second later"):
            replies.on_second()
    assert b"date: a second later\r\n" in said


@pytest.mark.parametrize(
    ("wishes", "count", "head", "size", "expected"),
    [
        ([COLUMNS_WISH], 2, PLAIN, 3, ColumnRequest),
        ([COLUMNS_WISH], 2, PLAIN, VIEW_BYTES_MIN, ScoreRequest),
        ([COLUMNS_WISH], 2, OTHER[0], 3, ScoreRequest),
        ([COLUMNS_WISH], 2, OTHER[1], 3, ScoreRequest),
        # Costs less as it is.
        ([COLUMNS_WISH], 1, PLAIN, 3, ScoreRequest),
        # Columns can't say them.
        ([COLUMNS_WISH, HEADERS_WISH], 2, PLAIN, 3, ScoreRequest),
        ([], 2, PLAIN, 3, ScoreRequest),
    ],
)
def test_columns_hold_what_they_can_say_to_who_asked_for_them(
    wishes: list[tuple[str, str]], count: int, head: core.Head, size: int, expected: type
) -> None:
    batch = [taken(n, bytes(size), head) for n in range(1, count + 1)]
    got = received(forwarding(*wishes).to_message(batch, NOW_NS))
    assert [type(one) for one in got] == [expected] * count


def test_a_request_whose_time_is_over_has_the_least_that_is_left() -> None:
    batch = [taken(n, b"") for n in (1, 2)]
    got = received(forwarding(COLUMNS_WISH).to_message(batch, 2 * 10**18))
    assert [one.timeout_ns for one in got] == [1, 1], "0 would mean none"


@given(st.lists(st.tuples(ids, st.binary(max_size=9), st.integers(0, 2**63), st.booleans())))
def test_a_router_gets_the_same_answers_in_columns_and_without(
    drawn: list[tuple[int, bytes, int, bool]],
) -> None:
    made: list[columns.Answer] = []
    for number, payload, run_ns, in_columns in drawn:
        whole = ScoreAnswer(
            id=number, outcome=ScoreAnswer.OUTCOME_RETURNED, status=200, payload=payload,
            content_type="application/json", run_ns=run_ns,
        )  # fmt: skip
        made.append(columns.ColumnAnswer(number, payload, run_ns) if in_columns else whole)
    message = columns.batch_of(made).SerializeToString()
    got = answers_of(AnswerBatch.FromString(message))
    columns_first = sorted(drawn, key=lambda one: not one[3])
    assert [(one.id, one.payload, one.run_ns) for one in got] == [one[:3] for one in columns_first]
    for one in got:
        assert (one.outcome, one.status, one.more) == (core.Outcome.RETURNED, 200, False)
        assert one.content_type == "application/json"


@pytest.mark.parametrize("request_type", [ColumnRequest, ScoreRequest, JoinedRequest])
def test_only_what_came_in_columns_is_answered_in_columns(request_type: type) -> None:
    message = ScoreRequest(id=7)
    asked: dict[type, Request] = {
        ColumnRequest: ColumnRequest(7, b"", 0),
        ScoreRequest: message,
        JoinedRequest: JoinedRequest(message, b""),
    }
    answer = answers.returned(asked[request_type], [1], 0)
    assert isinstance(answer, columns.Answer)
    assert (answer.id, answer.payload) == (7, b"[1]")
    assert isinstance(answer, columns.ColumnAnswer) == (request_type is ColumnRequest)


@pytest.mark.parametrize("lengths", [(1, 2, 2), (2, 1, 2), (2, 2, 1), (0, 0, 1)])
def test_columns_that_are_not_as_long_as_each_other_are_refused_whole(
    lengths: tuple[int, int, int],
) -> None:
    numbers, times_ns, bodies = ([1] * lengths[0], [1] * lengths[1], [b""] * lengths[2])
    words = f"got {lengths[0]} ids, {lengths[2]} payloads and {lengths[1]} times"
    with pytest.raises(ValueError, match=words):
        columns.requests_of(RequestColumns(ids=numbers, timeouts_ns=times_ns, payloads=bodies))
    with pytest.raises(ValueError, match=words):
        answers_of(
            AnswerBatch(columns=AnswerColumns(ids=numbers, runs_ns=times_ns, payloads=bodies))
        )
