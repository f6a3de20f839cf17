"""What `-o` and `--query` make of a command's result."""

from typing import Any

import pytest

from router.cli.output import Format, Query, print_result

VALUE = {"b": [1, 2], "a": {"y": 1, "x": None}, "name": "größe", "flag": True, "id": "i"}


def printed(
    capsys: pytest.CaptureFixture[str], value: Any, format_: Format, query: str | None = None
) -> str:
    print_result(value, Query().convert(query, None, None) if query else None, format_)
    return capsys.readouterr().out


@pytest.mark.parametrize(
    ("value", "format_", "query", "expected"),
    [
        (VALUE, "json", "a", '{\n  "x": null,\n  "y": 1\n}\n'),
        (VALUE, "json", "name", '"größe"\n'),
        (VALUE, "json", "{z: name, b: flag}", '{\n  "z": "größe",\n  "b": true\n}\n'),
        ({"b": 1, "a": 2}, "json", None, '{\n  "a": 2,\n  "b": 1\n}\n'),
        (VALUE, "json", "missing", ""),
        (None, "json", None, ""),
        ([], "json", None, "[]\n"),
        (VALUE, "yaml", "{n: name, b: b}", "n: größe\nb:\n- 1\n- 2\n"),
        (VALUE, "yaml", "name", "größe\n"),
        (VALUE, "tsv", "name", "größe\n"),
        ("[0.5, 0.5]", "tsv", None, "[0.5, 0.5]\n"),
        (VALUE, "tsv", None, "\t2\ttrue\ti\tgröße\n"),
        (VALUE, "tsv", "b", "1\n2\n"),
        ([{"b": 1, "a": None}, {"b": 2, "a": 3}], "tsv", None, "None\t1\n3\t2\n"),
        ([[1, "x"], [2, "y"]], "tsv", None, "1\tx\n2\ty\n"),
        ([], "tsv", None, "\n"),
        (VALUE, "table", None, "Flag    Name\n------  ------\nTrue    größe\n"),
        ([[1, "x"]], "table", None, "Column1    Column2\n---------  ---------\n1          x\n"),
        (["x", "y"], "table", None, "Result\n--------\nx\ny\n"),
    ],
)
def test_a_result_is_printed_as_az_prints_it(
    capsys: pytest.CaptureFixture[str],
    value: Any,
    format_: Format,
    query: str | None,
    expected: str,
) -> None:
    assert printed(capsys, value, format_, query) == expected
