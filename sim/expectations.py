"""The words of ``expect``: what makes a run pass or fail.

share green 10 % ± 0        of the endpoint's live requests that found a deployment
copies 10 % ± 0.5           of the endpoint's live requests; of another one: copies of NAME 10 % ± 0
errors 0                    also: requests, refused, refused operations, throttled bytes
errors < 10                 with <, <=, =, >= or >
p99 < 50 ms                 also p50, p95, max; of one deployment: p99 of green < 50 ms
p99 of green as measured ± 20 %    where the scenario names a file of measured latencies

A deployment is the one of the step's endpoint, or ENDPOINT/NAME. Counts are of all endpoints.
"""

import operator
import re
from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from router.core.errors import BadRequest
from sim.checkers.broken import Place

PERCENT_MAX = 100
_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_OP = r"(?P<op><=|>=|<|>|=)"
_OFF = r"± ?(?P<off>\d+(?:\.\d+)?)(?: ?%)?"
_SHARE = re.compile(rf"share (?P<name>\S+) {_NUMBER} ?% {_OFF}")
_COPIES = re.compile(rf"copies(?: of (?P<endpoint>\S+))? {_NUMBER} ?% {_OFF}")
_COUNT = re.compile(
    rf"(?P<what>errors|requests|refused operations|refused|throttled bytes) (?:{_OP} ?)?{_NUMBER}"
)
_TIME = re.compile(rf"(?P<what>p50|p95|p99|max)(?: of (?P<name>\S+))? {_OP} ?{_NUMBER} ?ms")
_MEASURED = re.compile(rf"(?P<what>p50|p95|p99) of (?P<name>\S+) as measured {_OFF}")
_OPERATORS = {
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
    ">=": operator.ge,
    ">": operator.gt,
}


class Numbers(NamedTuple):
    """What expectations are about, of one part of a run.

    Attributes:
        endpoint: whose they are where an expectation does not say.
        live: requests that found a deployment.
        copies: by endpoint.
        times_ms: by percentile, then by deployment; None is all of them.
        measured_ms: likewise, where clients have measured real ones.
        workers: each has a schedule of its own.
    """

    endpoint: str
    requests: int
    live: Mapping[Place, int]
    copies: Mapping[str, int]
    errors: int
    refused: int
    throttled_bytes: int
    refused_operations: int
    times_ms: Mapping[str, Mapping[Place | None, float | None]]
    measured_ms: Mapping[str, Mapping[Place, float | None]]
    workers: int


Judge = Callable[[Numbers], tuple[bool, str]]


def named(words: str, endpoint: str) -> tuple[str, str | None] | None:
    """The endpoint that an expectation is about, and its deployment if it names one.

    Args:
        endpoint: the one it is about by default.
    """
    for pattern in (_SHARE, _TIME, _MEASURED):
        if match := pattern.fullmatch(words.strip()):
            return _place(match["name"], endpoint) if match["name"] else None
    if match := _COPIES.fullmatch(words.strip()):
        return match["endpoint"] or endpoint, None
    return None


def expectation(words: str, at: str = "$.expect") -> Judge:
    """A function that says whether it holds, and what was found.

    Args:
        at: where it is in the scenario.

    Raises:
        BadRequest: these are no words of an expectation.
    """
    for pattern, judge in (
        (_SHARE, _judge_share),
        (_COPIES, _judge_copies),
        (_COUNT, _judge_count),
        (_TIME, _judge_time),
        (_MEASURED, _judge_measured),
    ):
        if match := pattern.fullmatch(words.strip()):
            return lambda numbers, judge=judge, match=match: judge(match, numbers)  # type: ignore[misc]
    raise BadRequest(
        f"expected words like `share green 10 % ± 0`, `copies 10 % ± 0`, `errors 0`, `refused "
        f"operations 1` or `p99 of green < 50 ms`, got {words!r}, at `{at}`"
    )


def _place(name: str, endpoint: str) -> Place:
    of, slash, deployment = name.partition("/")
    return (of, deployment) if slash else (endpoint, name)


def _judge_share(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    place = _place(match["name"], numbers.endpoint)
    shares = _live(numbers, place[0])
    return _judge_part(match, numbers.live.get(place, 0), shares, len(shares), numbers.workers)


def _judge_copies(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    endpoint = match["endpoint"] or numbers.endpoint
    # Copied or not: two shares.
    live = _live(numbers, endpoint)
    return _judge_part(match, numbers.copies.get(endpoint, 0), live, 2, numbers.workers)


def _live(numbers: Numbers, endpoint: str) -> list[int]:
    return [count for (of, _), count in numbers.live.items() if of == endpoint and count]


def _judge_part(
    match: re.Match[str], count: int, live: Sequence[int], shares: int, workers: int
) -> tuple[bool, str]:
    """Within the tolerance, and what invariant 3 leaves: a part may begin and end within a block.

    Invariant 3 bounds a schedule's count by less than 1 with two shares, by less than k - 1 with k;
    twice, at the part's begin and end; each worker has a schedule of its own. Nobody gets anything
    of 0 %, and nobody else of 100 %.
    """
    of_all = sum(live)
    if not of_all:
        return False, "no live request"
    percent = float(match["number"])
    between = 0 if percent in (0, PERCENT_MAX) else 2 * max(shares - 1, 1) * workers
    off = abs(count - of_all * percent / PERCENT_MAX)
    held = off <= of_all * float(match["off"]) / PERCENT_MAX or off < between
    return held, f"{PERCENT_MAX * count / of_all:.4g} % ({count} of {of_all})"


def _judge_count(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    found = getattr(numbers, match["what"].replace(" ", "_"))
    return _OPERATORS[match["op"] or "="](found, float(match["number"])), str(found)


def _judge_time(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    name = match["name"]
    place = _place(name, numbers.endpoint) if name else None
    found = numbers.times_ms[match["what"]].get(place)
    if found is None:
        return False, "no good answer"
    return _OPERATORS[match["op"]](found, float(match["number"])), f"{found:.4g} ms"


def _judge_measured(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    place = _place(match["name"], numbers.endpoint)
    found = numbers.times_ms[match["what"]].get(place)
    wanted = numbers.measured_ms[match["what"]].get(place)
    if not found or not wanted:
        return False, "nothing to compare"
    off = 100 * (found - wanted) / wanted
    held = abs(off) <= float(match["off"])
    return held, f"{found:.4g} ms, measured {wanted:.4g} ms ({off:+.0f} %)"
