"""The words of ``expect``: what makes a run pass or fail.

share green 10 % ± 0        of live requests that found a deployment
copies 10 % ± 0.5           of live requests
errors 0                    also: requests, refused, refused operations, throttled bytes
errors < 10                 with <, <=, =, >= or >
p99 < 50 ms                 also p50, p95, max; of one deployment: p99 of green < 50 ms
p99 of green as measured ± 20 %    where the scenario names a file of measured latencies
"""

import operator
import re
from collections.abc import Callable, Mapping
from typing import NamedTuple

from router.core.errors import BadRequest

_NUMBER = r"(?P<number>\d+(?:\.\d+)?)"
_OP = r"(?P<op><=|>=|<|>|=)"
_OFF = r"± ?(?P<off>\d+(?:\.\d+)?)(?: ?%)?"
_SHARE = re.compile(rf"share (?P<name>\S+) {_NUMBER} ?% {_OFF}")
_COPIES = re.compile(rf"copies {_NUMBER} ?% {_OFF}")
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
        live: requests by deployment.
        times_ms: by percentile, then by deployment; "" is all of them.
        measured_ms: likewise, where clients have measured real ones.
        workers: each has a schedule of its own.
    """

    requests: int
    live: Mapping[str, int]
    copies: int
    errors: int
    refused: int
    throttled_bytes: int
    refused_operations: int
    times_ms: Mapping[str, Mapping[str, float | None]]
    measured_ms: Mapping[str, Mapping[str, float | None]]
    workers: int


Judge = Callable[[Numbers], tuple[bool, str]]


def deployment_named(words: str) -> str | None:
    """The deployment that an expectation is about, if it names one."""
    for pattern in (_SHARE, _TIME, _MEASURED):
        if match := pattern.fullmatch(words.strip()):
            return match["name"]
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


def _judge_share(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    count = numbers.live.get(match["name"], 0)
    return _judge_part(match, count, sum(numbers.live.values()), numbers.workers)


def _judge_copies(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    return _judge_part(match, numbers.copies, sum(numbers.live.values()), numbers.workers)


def _judge_part(match: re.Match[str], count: int, of_all: int, workers: int) -> tuple[bool, str]:
    """Within the tolerance, and two requests: a part may begin and end within a block of 100.

    Invariant 3 bounds a schedule's count by less than 1 at each end; each worker has one.
    """
    off = abs(count - of_all * float(match["number"]) / 100)
    held = off <= of_all * float(match["off"]) / 100 + 2 * workers
    found = 100 * count / of_all if of_all else 0
    return held, f"{found:.4g} % ({count} of {of_all})"


def _judge_count(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    found = getattr(numbers, match["what"].replace(" ", "_"))
    return _OPERATORS[match["op"] or "="](found, float(match["number"])), str(found)


def _judge_time(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    found = numbers.times_ms[match["what"]].get(match["name"] or "")
    if found is None:
        return False, "no good answer"
    return _OPERATORS[match["op"]](found, float(match["number"])), f"{found:.4g} ms"


def _judge_measured(match: re.Match[str], numbers: Numbers) -> tuple[bool, str]:
    found = numbers.times_ms[match["what"]].get(match["name"])
    wanted = numbers.measured_ms[match["what"]].get(match["name"])
    if not found or not wanted:
        return False, "nothing to compare"
    off = 100 * (found - wanted) / wanted
    held = abs(off) <= float(match["off"])
    return held, f"{found:.4g} ms, measured {wanted:.4g} ms ({off:+.0f} %)"
