"""Requests and answers in columns: scoring.proto's form of those that have little to say."""

from collections.abc import Iterable
from typing import TypeAlias

from runtime.request import ColumnRequest
from turnout.scoring.v1.scoring_pb2 import AnswerBatch, RequestColumns, ScoreAnswer

# What an instance says at the beginning of a stream: that it knows them.
WISH = ("turnout-columns", "1")


class ColumnAnswer:
    """What ``run()`` returned for a request that came in columns."""

    __slots__ = ("id", "payload", "run_ns")

    more = False

    def __init__(self, id_: int, payload: bytes, run_ns: int) -> None:
        self.id = id_
        self.payload = payload
        self.run_ns = run_ns


# A whole answer, or a part of one.
Answer: TypeAlias = ColumnAnswer | ScoreAnswer


def requests_of(columns: RequestColumns) -> list[ColumnRequest]:
    """The requests that the columns hold.

    Raises:
        ValueError: they are not as long as each other.
    """
    if not len(columns.ids) == len(columns.payloads) == len(columns.timeouts_ns):
        raise ValueError(
            f"expected columns as long as each other, got {len(columns.ids)} ids, "
            f"{len(columns.payloads)} payloads and {len(columns.timeouts_ns)} times, in a "
            f"RequestBatch"
        )
    return list(map(ColumnRequest, columns.ids, columns.payloads, columns.timeouts_ns))


def batch_of(answers: Iterable[Answer]) -> AnswerBatch:
    """The answers in one message."""
    others: list[ScoreAnswer] = []
    plain: list[ColumnAnswer] = []
    for answer in answers:
        if isinstance(answer, ColumnAnswer):
            plain.append(answer)
        else:
            others.append(answer)
    message = AnswerBatch(answers=others)
    if plain:
        columns = message.columns
        columns.ids.extend([one.id for one in plain])
        columns.runs_ns.extend([one.run_ns for one in plain])
        columns.payloads.extend([one.payload for one in plain])
    return message
