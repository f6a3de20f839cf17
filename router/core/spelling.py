"""What users may write in several ways, brought to the one way that config types know.

Azure's clients take `Key` for `key` and `SystemAssigned` for `system_assigned`, and
numbers and truth values where text is wanted (a tag `version: 1`). Text where a number is
wanted (`instance_count: "2"`) is msgspec's business, see parse.py.
"""

from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from msgspec import inspect

type_info = lru_cache(maxsize=64)(inspect.type_info)


def spelled(type_: type, raw: object) -> object:
    """``raw`` with its words and scalars spelled as ``type_`` wants them; the rest as it is.

    Args:
        raw: plain data; it is not changed.
    """
    return _spelled(type_info(type_), raw)


def _spelled(declared: inspect.Type, raw: Any) -> Any:
    if isinstance(declared, inspect.UnionType):
        declared = _fitting(declared.types, raw)
    match declared:
        case inspect.StructType(fields=fields) if isinstance(raw, Mapping):
            types = {field.encode_name: field.type for field in fields}
            return {k: _spelled(types[k], v) if k in types else v for k, v in raw.items()}
        case inspect.DictType(value_type=value_type) if isinstance(raw, Mapping):
            return {_text(k): _spelled(value_type, v) for k, v in raw.items()}
        case inspect.ListType(item_type=item_type) if isinstance(raw, list):
            return [_spelled(item_type, item) for item in raw]
        case inspect.LiteralType(values=values) if isinstance(raw, str | bool):
            return next((v for v in values if _folded(v) == _folded(raw)), raw)
        case inspect.StrType() if isinstance(raw, bool | int | float):
            return _text(raw)
    return raw


def _fitting(types: tuple[inspect.Type, ...], raw: object) -> inspect.Type:
    """The member of a union that ``raw`` is meant to be."""
    by_kind: tuple[tuple[type | tuple[type, ...], tuple[type[inspect.Type], ...]], ...] = (
        (Mapping, (inspect.StructType, inspect.DictType)),
        (list, (inspect.ListType,)),
        (str, (inspect.LiteralType, inspect.StrType)),
        (bool, (inspect.BoolType, inspect.LiteralType, inspect.StrType)),
        ((int, float), (inspect.IntType, inspect.FloatType, inspect.StrType)),
    )
    for kind, wanted in by_kind:
        if isinstance(raw, kind):
            return next((t for w in wanted for t in types if isinstance(t, w)), types[0])
    return next((t for t in types if isinstance(t, inspect.NoneType)), types[0])


def _folded(word: object) -> str:
    return _text(word).replace("_", "").lower()


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
