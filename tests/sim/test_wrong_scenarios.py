"""What is wrong in a scenario is said before anything runs: message, exit code, no output."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from click.testing import CliRunner

from router.cli.main import cli
from tests.sim.wrong_scenarios import RIGHT, WRONG


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the scenario is, with files of times that are none."""
    made = tmp_path_factory.mktemp("wrong")
    (made / "garbage.txt").write_text("1.5\nfast\n")
    (made / "negative.txt").write_text("-1\n")
    (made / "empty.txt").write_text("\n")
    (made / "binary.bin").write_bytes(bytes(range(200, 256)))
    return made


def changed(path: str, value: object) -> Any:
    """The right scenario, with this value there."""
    scenario = here = yaml.safe_load(RIGHT)
    *steps, last = path.split(".")
    for step in steps:
        here = here[int(step)] if isinstance(here, list) else here.setdefault(step, {})
    if isinstance(here, list):
        here[int(last) :] = [value]
    elif value is None:
        del here[last]
    else:
        here[last] = value
    return scenario


def test_the_scenario_that_is_changed_is_right(folder: Path) -> None:
    path = folder / "right.yml"
    path.write_text(RIGHT)
    done = CliRunner().invoke(cli, ["simulate", str(path)])
    assert (done.exit_code, done.stderr) == (0, "")


@pytest.mark.parametrize(
    ("path", "value", "message"), WRONG, ids=[f"{path}={value}" for path, value, _ in WRONG]
)
def test_a_wrong_scenario_is_refused_with_what_is_wrong_and_where(
    folder: Path, path: str, value: object, message: str
) -> None:
    file = folder / "wrong.yml"
    file.write_text(yaml.safe_dump(changed(path, value)))
    done = CliRunner().invoke(cli, ["simulate", str(file)])
    assert (done.exit_code, done.stdout) == (1, "")
    said = message.replace("{f}", str(folder))
    assert done.stderr == f"ERROR: (BadRequest) {file}: {said}\n"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected keys and values, got an empty file"),
        ("- a", "expected keys and values, got ['a'] (list), at `$`"),
        ("a: [", "expected YAML, got did not find expected node content (line 2, column 1)"),
    ],
)
def test_a_file_that_is_no_mapping_is_refused(folder: Path, text: str, message: str) -> None:
    file = folder / "wrong.yml"
    file.write_text(text)
    done = CliRunner().invoke(cli, ["simulate", str(file)])
    assert (done.exit_code, done.stdout) == (1, "")
    assert done.stderr.startswith(f"ERROR: (BadRequest) {file}: {message[:12]}")
    assert message in done.stderr


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["blue-green", "--swarm", "3"],
         "expected no more with --swarm, got a scenario: its worlds are drawn"),
        (["--swarm", "3", "--json", "--events", "e"],
         "expected no more with --swarm, got --json and --events: its worlds are drawn"),
        (["--minutes", "1", "--html", "page.html"],
         "expected no more with --minutes, got --html: its worlds are drawn"),
        (["--minutes", "0"], "expected a number of minutes above 0, got --minutes 0"),
        (["--minutes", "-1"], "expected a number of minutes above 0, got --minutes -1"),
        (["--minutes", "nan"], "expected a number of minutes above 0, got --minutes nan"),
        (["--minutes", "inf"], "expected a number of minutes above 0, got --minutes inf"),
        (["--replay", "j", "--seed", "3", "blue-green"],
         "expected no more with --replay, got a scenario and --seed: the journal has it all"),
        ([], "expected a scenario's file, or one of bad-green-crash-loop, "),
        (["blue-green", "--seed", "one"], "Invalid value for '--seed': 'one' is not a valid"),
        (["--swarm", "0"], "Invalid value for '--swarm': 0 is not in the range x>=1."),
        (["blue-green", "--fast"], "No such option '--fast'."),
    ],
)  # fmt: skip
def test_wrong_usage_ends_with_2(arguments: list[str], message: str) -> None:
    done = CliRunner().invoke(cli, ["simulate", *arguments])
    assert (done.exit_code, done.stdout) == (2, "")
    assert f"Error: {message}" in done.stderr
