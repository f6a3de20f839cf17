"""Requests and answers in columns: scoring.proto's form of those that have little to say.

Nearly all are such. A message of its own for each, there and back, would cost the worker 1.5 µs
more of the some 20 that a request costs it (loadtests/PROFILE.md).
"""

from collections.abc import Iterable, Sequence

from msgspec import Struct

from router.core.request import VIEW_BYTES_MIN, Answer, Outcome, Request
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestBatch

JSON = "application/json"


class ColumnAnswer(Struct, gc=False):
    """One of core.request's answers, as it comes in columns."""

    id: int
    payload: bytes
    run_ns: int

    # No class variables, which take longer to be looked up.
    outcome: int = int(Outcome.RETURNED)
    status: int = 200
    content_type: str = JSON
    more: bool = False


def fitting(batch: Iterable[Request]) -> list[Request]:
    """Those of which columns can say all; to an instance that wants no headers."""
    return [
        one
        for one in batch
        if not (head := one.head).target
        and head.content_type == JSON
        and len(one.payload) < VIEW_BYTES_MIN
    ]


def put(message: RequestBatch, requests: Sequence[Request], now_ns: int) -> None:
    """Fills a message's columns; the requests must fit."""
    columns = message.columns
    columns.ids.extend([one.id for one in requests])
    columns.timeouts_ns.extend(
        # max() costs more than all of this.
        [left if (left := one.deadline_ns - now_ns) > 0 else 1 for one in requests]
    )
    # None is a view, which protobuf would not take: none is so small.
    columns.payloads.extend([one.payload for one in requests])  # type: ignore[misc]


def answers_of(message: AnswerBatch) -> list[Answer]:
    """All answers that the message holds.

    Raises:
        ValueError: its columns are not as long as each other.
    """
    columns = message.columns
    if not len(columns.ids) == len(columns.payloads) == len(columns.runs_ns):
        raise ValueError(
            f"expected columns as long as each other, got {len(columns.ids)} ids, "
            f"{len(columns.payloads)} payloads and {len(columns.runs_ns)} times, in an AnswerBatch"
        )
    answers: list[Answer] = list(map(ColumnAnswer, columns.ids, columns.payloads, columns.runs_ns))
    answers += message.answers
    return answers
