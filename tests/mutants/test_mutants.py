"""The list of planted bugs does not rot: each can be planted, and the README has its row."""

import ast
import re

import pytest

from tests.mutants.__main__ import ALL_TESTS, BUGS
from tests.mutants.mutant import ROOT, Mutant
from tests.mutants.table import README, row


@pytest.mark.parametrize("mutant", BUGS, ids=lambda mutant: mutant.what)
def test_a_bug_can_be_planted_and_changes_the_program(mutant: Mutant) -> None:
    planted = ast.parse(mutant.planted())
    assert ast.dump(planted) != ast.dump(ast.parse((ROOT / mutant.file).read_text()))


def test_every_invariant_has_a_bug_and_every_bug_its_row_in_the_readme() -> None:
    assert {mutant.invariant for mutant in BUGS} == set(range(1, 13))
    text = README.read_text()
    assert [mutant.what for mutant in BUGS if row(mutant) not in text] == []


def test_the_tests_that_have_caught_bugs_are_there() -> None:
    caught = re.findall(r"\| `([\w/.]+)::([\w:]+)` \|$", README.read_text(), re.MULTILINE)
    assert len(caught) == len(BUGS)
    for path, name in caught:
        file = ROOT / (path if path.startswith("tests/") else f"tests/properties/{path}")
        last = name.removesuffix("::runTest").rpartition("::")[2]
        assert re.search(rf"^(async )?(def |class )?{last}\b", file.read_text(), re.MULTILINE)


def test_the_tests_that_are_run_for_bugs_are_there() -> None:
    for test in ALL_TESTS:
        path, _, name = test.partition("::")
        assert f"def {name}" in (ROOT / path).read_text()
