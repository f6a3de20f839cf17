"""Plain data (from YAML or JSON) to config types, with messages a person can act on.

msgspec decides what is valid; this file words its findings as *expected X, got Y, at
`$.path`* and adds the offending value, the exact key and a suggestion. Reading files is
the caller's part.
"""

import difflib
import re
from typing import TypeVar

import msgspec

from router.core.errors import BadRequest
from router.core.spelling import spelled, type_info

T = TypeVar("T")

_AT = re.compile(r"^(?P<what>.*?)(?: - at (?:`key` in )?`(?P<path>\$.*)`)?$", re.DOTALL)
_STEP = re.compile(r"\.(?P<key>[^.\[]+)|\[(?P<index>\d+)\]")
_UNKNOWN = re.compile(r"^Object contains unknown field `(?P<key>.*)`$")
_MISSING = re.compile(r"^Object missing required field `(?P<key>.*)`$")
_EXPECTED = re.compile(r"^Expected (?P<expected>.*?)(?:, got (?P<got>.*))?$")
_ENUM = re.compile(r"^Invalid enum value (?P<value>.*)$")
_ANY_ENTRY = "[...]"
# Azure's words (azure.md 3.2).
MISSING = "Missing data for required field."


def parse(type_: type[T], raw: object, source: str) -> T:
    """The value of type ``type_`` that ``raw`` describes, checked whole.

    Args:
        type_: a config type of config.py.
        raw: what a YAML or JSON parser returned.
        source: where it comes from, for the message: a file's path or "request body".

    Raises:
        BadRequest: the first thing that is wrong, with its place and value.
    """
    raw = spelled(type_, raw)
    try:
        return _convert(raw, type_)
    except msgspec.ValidationError as error:
        match = _AT.match(str(error))
        assert match is not None
        path = _exact_path(type_, raw, match["path"] or "$", str(error))
        raise BadRequest(f"{source}: {_explain(type_, raw, match['what'], path)}") from None


def _convert(raw: object, type_: type[T]) -> T:
    # Not strict: clients send numbers as text, too (azure.md 8.5).
    return msgspec.convert(raw, type_, strict=False)


def _explain(type_: type, raw: object, what: str, path: str) -> str:
    if unknown := _UNKNOWN.match(what):
        return _explain_unknown(_keys_at(type_, path), unknown["key"], path)
    if missing := _MISSING.match(what):
        return f"expected the key `{missing['key']}`, got none, at `{path}`: {MISSING}"
    value = _value_at(raw, path)
    if _ENUM.match(what):
        expected = " or ".join(repr(choice) for choice in _choices_at(type_, path))
        return f"expected {expected}, got {value!r}, at `{path}`"
    if found := _EXPECTED.match(what):
        return f"expected {found['expected']}, got {_describe(value)}, at `{path}`"
    return f"{what}, got {_describe(value)}, at `{path}`"


def _explain_unknown(known: list[str], key: str, path: str) -> str:
    close = difflib.get_close_matches(key, known, n=1)
    hint = f"; did you mean `{close[0]}`?" if close else ""
    return f"expected one of {', '.join(known)}, got the key `{key}`, at `{path}.{key}`{hint}"


def _describe(value: object) -> str:
    kind = {"NoneType": "null", "dict": "object", "list": "array"}.get(
        type(value).__name__, type(value).__name__
    )
    return kind if isinstance(value, dict | list | None) else f"{value!r} ({kind})"


def _exact_path(type_: type, raw: object, path: str, message: str) -> str:
    """The path with msgspec's ``[...]`` (some entry of a map) replaced by the entry's key.

    The culprit is the entry that still gives the same message when it stands alone.
    """
    if _ANY_ENTRY not in path:
        return path
    before, after = path.split(_ANY_ENTRY, 1)
    entries = _value_at(raw, before)
    if not isinstance(entries, dict):
        return path
    for key, value in entries.items():
        try:
            _convert(_replaced(raw, _steps(before), {key: value}), type_)
        except msgspec.ValidationError as error:
            if str(error) == message:
                return f"{before}.{key}{after}"
    return path


def _steps(path: str) -> list[str | int]:
    found = _STEP.finditer(path)
    return [step["key"] or int(step["index"]) for step in found]


def _value_at(raw: object, path: str) -> object:
    for step in _steps(path):
        if isinstance(raw, dict):
            raw = raw.get(step)
        elif isinstance(raw, list) and isinstance(step, int) and step < len(raw):
            raw = raw[step]
    return raw


def _replaced(raw: object, steps: list[str | int], value: object) -> object:
    """A copy of ``raw`` with ``value`` at the end of ``steps``."""
    if not steps:
        return value
    if isinstance(raw, dict):
        return {**raw, steps[0]: _replaced(raw[steps[0]], steps[1:], value)}
    assert isinstance(raw, list)
    index = int(steps[0])
    return [*raw[:index], _replaced(raw[index], steps[1:], value), *raw[index + 1 :]]


def _type_at(type_: type, path: str) -> msgspec.inspect.Type:
    """The declared type of what stands at ``path``; of a union, the one with parts of its own."""
    here = _unwrapped(type_info(type_))
    for step in _steps(path):
        if isinstance(here, msgspec.inspect.StructType):
            here = next(field.type for field in here.fields if field.encode_name == step)
        elif isinstance(here, msgspec.inspect.ListType):
            here = here.item_type
        elif isinstance(here, msgspec.inspect.DictType):
            here = here.value_type
        here = _unwrapped(here)
    return here


def _unwrapped(here: msgspec.inspect.Type) -> msgspec.inspect.Type:
    if isinstance(here, msgspec.inspect.UnionType):
        telling = msgspec.inspect.StructType | msgspec.inspect.LiteralType
        return next((t for t in here.types if isinstance(t, telling)), here)
    return here


def _keys_at(type_: type, path: str) -> list[str]:
    here = _type_at(type_, path)
    assert isinstance(here, msgspec.inspect.StructType), here
    # Those of any type are accepted for the sake of other tools' output, not to be written.
    any_type = msgspec.inspect.CustomType
    return sorted(f.encode_name for f in here.fields if not isinstance(f.type, any_type))


def _choices_at(type_: type, path: str) -> list[object]:
    here = _type_at(type_, path)
    assert isinstance(here, msgspec.inspect.LiteralType), here
    return list(here.values)
