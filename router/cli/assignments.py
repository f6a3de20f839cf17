"""The small languages inside flags: `--set`, `--add`, `--remove`, `--tags` and `--traffic`.

azure.md 3.3 gives their rules and messages. `--set` on create takes text, on update JSON;
where a key holds only text (a tag, an environment variable), JSON numbers stay text.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from router.cli import paths
from router.cli.arguments import SET
from router.cli.errors import CommandFailed
from router.core.errors import BadRequest

Declared = msgspec.inspect.Type | None

_USAGE = "usage error: --set KEY=VALUE [KEY=VALUE ...]"
ADD, REMOVE = "--add", "--remove"
_PATH_AND_VALUE = 2
_DELIMITER = "Do not add a delimiter between traffic variables"


def set_text(raw: dict[str, Any], assignments: Iterable[str], type_: type) -> None:
    """Applies create's `--set` to ``raw``, plain data of the config type ``type_``.

    Text stays text; where the type wants something else, parse.py converts it.
    """
    _set(raw, assignments, type_, _from_text)


def change(raw: dict[str, Any], changes: Iterable[str], type_: type, *, force_string: bool) -> None:
    """Applies update's `--set`, `--add` and `--remove` to ``raw``, one after the other.

    Values are JSON where they parse, else text.

    Args:
        changes: as arguments.gathered makes them.
        force_string: values are text, whatever they look like.
    """
    read = _from_text if force_string else _from_json
    for text in changes:
        flag, *words = json.loads(text)
        if flag == SET:
            _set(raw, words, type_, read)
        elif flag == ADD:
            _add(raw, words, read)
        else:
            _remove(raw, words)


def key_values(words: Iterable[str]) -> dict[str, str]:
    """The map that `--tags a=b c` gives; a key by itself has an empty value."""
    pairs = (word.partition("=") for word in words)
    return {key: value for key, _, value in pairs if key}


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
        path, equals, text = paths.split(assignment)
        if not equals:
            raise CommandFailed(_USAGE)
        steps = paths.steps(path)
        holder = paths.holder(raw, steps, SET)
        paths.put(holder, steps[-1], read(text, _declared(type_, steps)))


def _add(raw: dict[str, Any], words: list[str], read: Callable[[str, Declared], object]) -> None:
    """Appends to a list: words with `=` together as one object, any other by itself."""
    if len(words) < _PATH_AND_VALUE:
        raise CommandFailed("usage error: --add PROPERTY KEY=VALUE [KEY=VALUE ...] | VALUE")
    steps = paths.steps(words[0])
    holder = paths.holder(raw, steps, ADD)
    items = paths.get(holder, steps[-1])
    if items is None:
        items = holder[steps[-1].key] = []
    if not isinstance(items, list):
        got = f"{items!r} ({type(items).__name__})"
        raise BadRequest(f"{ADD}: expected a list, got {got}, at `$.{words[0]}`")
    pairs = {key: read(text, None) for key, eq, text in map(paths.split, words[1:]) if eq}
    items += [pairs] if pairs else []
    items += [read(word, None) for word in words[1:] if not paths.split(word)[1]]


def _remove(raw: dict[str, Any], words: list[str]) -> None:
    """Removes a key, or by `PATH INDEX` an item of a list."""
    if not 1 <= len(words) <= _PATH_AND_VALUE:
        raise CommandFailed("usage error: --remove PROPERTY [INDEX]")
    steps = paths.steps(words[0] + "".join(f"[{index}]" for index in words[1:]))
    holder = paths.holder(raw, steps, REMOVE)
    last = steps[-1]
    if isinstance(holder, dict) and last.key not in holder:
        options = ", ".join(sorted(holder)) or "none"
        raise CommandFailed(
            f"Couldn't find '{last.key}' in '{words[0].rpartition('.')[0]}'. Available options: "
            f"{options}"
        )
    paths.delete(holder, last)


def _from_text(text: str, _: Declared) -> object:
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


def _declared(type_: type, steps: Iterable[paths.Step]) -> Declared:
    """What the config type declares for a key, None for a key that it doesn't know."""
    here: Declared = msgspec.inspect.type_info(type_)
    for step in steps:
        here = next(filter(None, (_member(choice, step.key) for choice in _choices(here))), None)
    return here


def _member(declared: msgspec.inspect.Type, key: str) -> Declared:
    if isinstance(declared, msgspec.inspect.DictType):
        return declared.value_type
    if isinstance(declared, msgspec.inspect.ListType):
        return declared.item_type if not key else None
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
