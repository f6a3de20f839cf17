"""Paths into plain data as az's flags write them: `a.b`, `a[0].b`, `a[name=x].b` (azure.md 3.3)."""

import re
from typing import Any, NamedTuple

from router.cli.errors import CommandFailed
from router.core.errors import BadRequest

EMPTY_KEY = "usage error: Empty key in --set. Correct syntax: --set KEY=VALUE [KEY=VALUE ...]"

_PART = re.compile(r"(?P<key>[^.\[\]]+)|\[(?P<index>\d+)\]|\[(?P<name>[^=\]]+)=(?P<value>[^\]]*)\]")


class Step(NamedTuple):
    """One step: a key, the index of a list, or the item of a list whose key has a value."""

    key: str = ""
    number: int | None = None
    value: str | None = None

    def __str__(self) -> str:
        if self.number is not None:
            return f"[{self.number}]"
        return f".{self.key}" if self.value is None else f"[{self.key}={self.value}]"


def split(assignment: str) -> tuple[str, str, str]:
    """The path, the first `=` outside of brackets and the value; two empty texts without it."""
    depth = 0
    for place, letter in enumerate(assignment):
        depth += (letter == "[") - (letter == "]")
        if letter == "=" and not depth:
            return assignment[:place], "=", assignment[place + 1 :]
    return assignment, "", ""


def steps(path: str) -> list[Step]:
    """The steps of a path.

    Raises:
        CommandFailed: there is none, or one is empty.
    """
    found = []
    rest = path
    while rest and (match := _PART.match(rest)):
        if match["index"] is not None:
            found.append(Step(number=int(match["index"])))
        else:
            found.append(Step(match["key"] or match["name"], value=match["value"]))
        rest = rest[match.end() :]
        rest = rest[1:] if rest.startswith(".") and len(rest) > 1 else rest
    if rest or not found:
        raise CommandFailed(EMPTY_KEY)
    return found


def holder(raw: Any, path: list[Step], flag: str) -> Any:
    """What holds the last step of ``path``; objects missing on the way are made.

    Raises:
        BadRequest: something on the way, or the last step's item, is not there to be had.
    """
    at = "$"
    for step in path[:-1]:
        if isinstance(raw, dict) and raw.get(step.key) is None:
            raw[step.key] = {}
        place = _place(raw, step, flag, at)
        at += str(step)
        raw = raw[place]
    _place(raw, path[-1], flag, at)
    return raw


def get(held: Any, step: Step) -> Any:
    """What stands at the last step of a path, None for a key that is not there."""
    return held.get(step.key) if isinstance(held, dict) else held[_place(held, step)]


def put(held: Any, step: Step, value: object) -> None:
    """Sets it."""
    held[_place(held, step)] = value


def delete(held: Any, step: Step) -> None:
    """Removes it."""
    del held[_place(held, step)]


def _place(raw: Any, step: Step, flag: str = "", at: str = "$") -> Any:
    """The key or index of the step in ``raw``."""
    in_list = step.number is not None or step.value is not None
    if not isinstance(raw, list if in_list else dict):
        expected = "a list" if in_list else "an object"
        got = f"{raw!r} ({type(raw).__name__})"
        raise BadRequest(f"{flag}: expected {expected}, got {got}, at `{at}`")
    if not in_list:
        return step.key
    for index, item in enumerate(raw):
        if index == step.number or (
            isinstance(item, dict) and str(item.get(step.key)) == step.value
        ):
            return index
    raise BadRequest(f"{flag}: expected an item {step}, got a list of {len(raw)}, at `{at}`")
