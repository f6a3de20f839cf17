"""An answer that no message can carry is an error of its own request only."""

import flask
import pytest

from runtime import answers
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

TOO_LARGE = answers.ANSWER_BYTES_MAX + 1


@pytest.mark.parametrize(
    "result",
    [lambda: "x" * TOO_LARGE, lambda: flask.Response(b"x" * TOO_LARGE)],
    ids=["JSON", "a response"],
)
def test_an_answer_that_is_too_large_is_refused_with_what_to_do(result: "object") -> None:
    assert callable(result)
    answer = answers.returned(ScoreRequest(id=7), result(), 0)
    assert isinstance(answer, ScoreAnswer)
    assert (answer.id, answer.status) == (7, answers.STATUS_ERROR)
    limit = f"expected an answer of at most {answers.ANSWER_BYTES_MAX} bytes, got {TOO_LARGE}"
    assert answer.error.startswith(limit.rsplit(" ", 1)[0])
    assert answer.ByteSize() < 1000
