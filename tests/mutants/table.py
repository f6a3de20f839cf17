"""The table of planted bugs in tests/properties/README.md."""

from collections.abc import Mapping

from tests.mutants.mutant import ROOT, Mutant

README = ROOT / "tests/properties/README.md"
HEAD = "| | planted bug | in | first test that failed |\n|---|---|---|---|\n"


def row(mutant: Mutant) -> str:
    """A bug's, up to the test that caught it."""
    return f"| {mutant.invariant} | {mutant.what} | `{mutant.file}` | "


def with_rows(text: str, caught: Mapping[Mutant, str | None]) -> str:
    """The README with these rows, by invariant, in place of those after HEAD."""
    before, _, _ = text.partition(HEAD)
    bugs = sorted(caught, key=lambda bug: bug.invariant)
    return before + HEAD + "".join(f"{row(bug)}`{_short(caught[bug])}` |\n" for bug in bugs)


def _short(test: str | None) -> str:
    assert test is not None
    return test.removeprefix("tests/properties/").partition("[")[0]
