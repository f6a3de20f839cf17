"""docs/simulator.md: its example runs, and it leaves no key, verb or flag out."""

import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
import yaml
from click.testing import CliRunner

from sim.command import command
from sim.expectations import expectation
from sim.scenario import Arrivals, Client, Deployment, Endpoint, Latency, Loop, Scenario, Step
from sim.steps import FAULTS, OPERATIONS

PAGE = (Path(__file__).parents[2] / "docs" / "simulator.md").read_text()


def test_the_example_holds(tmp_path: Path) -> None:
    (example,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    path = tmp_path / "my-rollout.yml"
    path.write_text(example)
    done = CliRunner().invoke(command, [str(path), "--html", str(tmp_path / "report.html")])
    assert (done.exit_code, done.stderr) == (0, "")
    assert yaml.safe_load(example)["name"] in (tmp_path / "report.html").read_text()


@pytest.mark.parametrize(
    ("type_", "prefix"),
    [
        (Scenario, ""), (Endpoint, ""), (Deployment, "deployments[]."), (Latency, None),
        (Client, ""), (Arrivals, "arrivals."), (Loop, "loop."), (Step, ""),
    ],
)  # fmt: skip
def test_every_key_is_there(type_: Any, prefix: str | None) -> None:
    """By itself between backticks, with what it is part of; a latency's keys in braces."""
    for field in msgspec.structs.fields(type_):
        key = field.encode_name
        if prefix is None:
            assert re.search(rf"`[^`]*\b{key}: [^`]*`", PAGE), key
        elif key in {"arrivals", "loop"}:
            assert f"`{key}.{'per_s' if key == 'arrivals' else 'clients'}`" in PAGE
        else:
            assert f"`{prefix}{key}`" in PAGE, f"{type_.__name__}.{key}"


def test_every_operation_fault_and_flag_is_there() -> None:
    for verb in (*OPERATIONS, *FAULTS):
        assert f"`{verb}`" in PAGE
    for parameter in command.params:
        for flag in parameter.opts:
            assert flag == "scenario" or f"`{flag}" in PAGE, flag


def test_the_words_of_expectations_are_understood() -> None:
    expected = PAGE.partition("**`expect`**")[2].partition("## The report")[0]
    words = [one for line in expected.splitlines() if line.startswith("| `")
             for one in re.findall(r"`([^`]+)`", line.split("|")[1])]  # fmt: skip
    assert len(words) >= 9
    for one in words:
        expectation(one)


def test_defaults_and_ranges_are_those_of_the_format() -> None:
    rows = dict(re.findall(r"^\| `([\w.\[\]]+)` \| [^|]+ \| ([^|]*) \|", PAGE, re.MULTILINE))
    for type_, prefix in (Scenario, ""), (Deployment, "deployments[]."), (Arrivals, "arrivals."):
        for field in msgspec.structs.fields(type_):
            if isinstance(field.default, int | float):
                shown = rows[f"{prefix}{field.encode_name}"]
                assert shown == f"{field.default:g}", f"{field.encode_name}: {shown}"
