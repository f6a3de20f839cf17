"""Prints what a command returns, by `--query` and `-o`, as az does.

Libraries that only some formats need are imported when they are asked for: a command
that prints JSON starts in half the time without them.
"""

import json
from collections.abc import Callable
from typing import Any, Literal

import click
import yaml

Format = Literal["json", "jsonc", "yaml", "yamlc", "table", "tsv", "none"]

# az leaves these out of its tables.
_NO_COLUMN = {"id", "type", "etag", "revision"}


class Query(click.ParamType[Any]):
    """A JMESPath expression, compiled while the command line is read."""

    name = "jmespath"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Callable[[Any], Any]:
        """A function from a value to the part of it that the expression names."""
        import jmespath  # noqa: PLC0415

        try:
            expression = jmespath.compile(value)
        except jmespath.exceptions.JMESPathError as error:
            self.fail(f"expected a JMESPath expression, got {value!r}: {error}", param, ctx)
        search: Callable[[Any], Any] = expression.search
        return search


def print_result(value: Any, query: Callable[[Any], Any] | None, format_: Format) -> None:
    """Prints ``value``, or the part that ``query`` takes; nothing at all for None."""
    # Sorted before the query and not after it: a query's own order of keys stays.
    value = _sorted(value)
    if query is not None:
        value = query(value)
    if value is not None and format_ != "none":
        click.echo(_FORMATS[format_](value))


def _sorted(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _sorted(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [_sorted(item) for item in value]
    return value


def _json(value: Any) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False)


def _coloured(text: str, language: str) -> str:
    """For people at a terminal; click drops the colours when the output goes elsewhere."""
    from pygments import highlight  # noqa: PLC0415
    from pygments.formatters import TerminalFormatter  # noqa: PLC0415
    from pygments.lexers import get_lexer_by_name  # noqa: PLC0415

    coloured: str = highlight(text, get_lexer_by_name(language), TerminalFormatter())
    return coloured.removesuffix("\n")


def _yaml(value: Any) -> str:
    text = yaml.safe_dump(value, default_flow_style=False, sort_keys=False, allow_unicode=True)
    # A bare scalar is followed by the end-of-document marker, which az drops as well.
    return text.removesuffix("...\n").rstrip("\n")


def _table(value: Any) -> str:
    from tabulate import tabulate  # noqa: PLC0415

    rows = [_row(item) for item in _items(value)]
    return tabulate(rows, headers="keys", tablefmt="simple", disable_numparse=True)


def _row(item: Any) -> dict[str, str]:
    if isinstance(item, dict):
        named = [(key[:1].upper() + key[1:], v) for key, v in item.items() if key not in _NO_COLUMN]
    elif isinstance(item, list):
        named = [(f"Column{number}", v) for number, v in enumerate(item, start=1)]
    else:
        named = [("Result", item)]
    return {k: str(v) for k, v in named if v is not None and not isinstance(v, dict | list)}


def _tsv(value: Any) -> str:
    return "\n".join("\t".join(_cells(item)) for item in _items(value))


def _cells(item: Any) -> list[str]:
    if isinstance(item, dict):
        return [_cell(value) for value in item.values()]
    if isinstance(item, list):
        return [_cell(value) for value in item]
    return [_cell(item)]


def _cell(value: Any) -> str:
    """One cell, unquoted; what az prints for values that are not scalars."""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, list):
        return str(len(value))
    return "" if isinstance(value, dict) else str(value)


def _items(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


_FORMATS: dict[Format, Callable[[Any], str]] = {
    "json": _json,
    "jsonc": lambda value: _coloured(_json(value), "json"),
    "yaml": _yaml,
    "yamlc": lambda value: _coloured(_yaml(value), "yaml"),
    "table": _table,
    "tsv": _tsv,
}
