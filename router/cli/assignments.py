"""The small languages inside flags: `--set KEY=VALUE` and `--traffic "blue=90 green=10"`.

azure.md 3.3 gives their rules and messages. `--set` on create takes text, on update JSON;
where a key holds only text (a tag, an environment variable), JSON numbers stay text.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from router.cli.errors import CommandFailed
from router.core.errors import BadRequest

Declared = msgspec.inspect.Type | None

_USAGE = "usage error: --set KEY=VALUE [KEY=VALUE ...]"
_EMPTY_KEY = "usage error: Empty key in --set. Correct syntax: --set KEY=VALUE [KEY=VALUE ...]"
_DELIMITER = "Do not add a delimiter between traffic variables"

_SCALARS: dict[type[msgspec.inspect.Type], type] = {
    msgspec.inspect.IntType: int,
    msgspec.inspect.FloatType: float,
    msgspec.inspect.BoolType: bool,
}


def set_text(raw: dict[str, Any], assignments: Iterable[str], type_: type) -> None:
    """Applies create's `--set` to ``raw``, plain data of the config type ``type_``.

    Text stays text, except where the type wants a number or a truth value.
    """
    _set(raw, assignments, type_, _from_text)


def set_json(raw: dict[str, Any], assignments: Iterable[str], type_: type) -> None:
    """Applies update's `--set` to ``raw``: JSON where it parses, else text."""
    _set(raw, assignments, type_, _from_json)


def traffic(text: str) -> dict[str, int]:
    """The map that `--traffic` gives: split at single spaces, names in lower case."""
    return {name: int(percent) for name, percent in _pairs(text, "--traffic", numeric=True)}


def mirror_traffic(text: str) -> dict[str, int | str]:
    """The map that `--mirror-traffic` gives; what is no number is left for the schema."""
    pairs = _pairs(text, "--mirror-traffic", numeric=False)
    return {name: int(value) if value.isdecimal() else value for name, value in pairs}


def _set(
    raw: dict[str, Any],
    assignments: Iterable[str],
    type_: type,
    read: Callable[[str, Declared], object],
) -> None:
    for assignment in assignments:
        key, equals, text = assignment.partition("=")
        if not equals:
            raise CommandFailed(_USAGE)
        steps = key.split(".")
        if not all(steps):
            raise CommandFailed(_EMPTY_KEY)
        holder = _holder(raw, steps[:-1])
        holder[steps[-1]] = read(text, _declared(type_, steps))


def _holder(raw: dict[str, Any], steps: list[str]) -> dict[str, Any]:
    """The object at ``steps``; those missing on the way are made."""
    path = "$"
    for step in steps:
        path += f".{step}"
        if raw.get(step) is None:
            raw[step] = {}
        if not isinstance(raw[step], dict):
            got = f"{raw[step]!r} ({type(raw[step]).__name__})"
            raise BadRequest(f"--set: expected an object, got {got}, at `{path}`")
        raw = raw[step]
    return raw


def _from_text(text: str, declared: Declared) -> object:
    scalar = next((_SCALARS[type(t)] for t in _choices(declared) if type(t) in _SCALARS), None)
    if scalar is None:
        return text
    try:
        return msgspec.convert(text, scalar, strict=False)
    except msgspec.ValidationError:
        return text


def _from_json(text: str, declared: Declared) -> object:
    try:
        value: object = json.loads(text)
    except json.JSONDecodeError:
        return text
    only_text = {type(t) for t in _choices(declared)} <= {
        msgspec.inspect.StrType,
        msgspec.inspect.NoneType,
    }
    if declared is not None and only_text and isinstance(value, int | float):
        return text
    return value


def _declared(type_: type, steps: Iterable[str]) -> Declared:
    """What the config type declares for a key, None for a key that it doesn't know."""
    here: Declared = msgspec.inspect.type_info(type_)
    for step in steps:
        here = next(filter(None, (_member(choice, step) for choice in _choices(here))), None)
    return here


def _member(declared: msgspec.inspect.Type, key: str) -> Declared:
    if isinstance(declared, msgspec.inspect.DictType):
        return declared.value_type
    if isinstance(declared, msgspec.inspect.StructType):
        return next((f.type for f in declared.fields if f.encode_name == key), None)
    return None


def _choices(declared: Declared) -> tuple[msgspec.inspect.Type, ...]:
    if isinstance(declared, msgspec.inspect.UnionType):
        return tuple(declared.types)
    return () if declared is None else (declared,)


def _pairs(text: str, flag: str, *, numeric: bool) -> list[tuple[str, str]]:
    pairs = []
    for word in text.split(" "):
        name, equals, value = word.partition("=")
        if numeric and equals and not value.isdecimal():
            raise CommandFailed(_DELIMITER)
        if not (name and equals):
            raise CommandFailed(
                f"expected DEPLOYMENT=PERCENT, separated by single spaces, got {text!r}, at {flag}"
            )
        pairs.append((name.lower(), value))
    return pairs
