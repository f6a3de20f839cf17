"""Plants one bug after the other in a copy of the repository: a test must catch each.

make mutants                    all, and the table in tests/properties/README.md anew
make mutants ARGS="drain 11"    those with one of the words in what they do, or that number
"""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.progress import Progress

from tests.mutants.around import CONTROL, SIMULATED
from tests.mutants.core import CORE
from tests.mutants.mutant import ROOT, TESTS_OF, Mutant
from tests.mutants.table import README, with_rows

COPIED = (
    "router", "runtime", "sim", "loadtests", "tests", "proto", "examples", "pyproject.toml"
)  # fmt: skip
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)
LIMIT_S = 900
BUGS = (*CORE, *CONTROL, *SIMULATED)
# Each test that is run for any bug, once.
ALL_TESTS = tuple(
    dict.fromkeys(
        argument
        for arguments in [*TESTS_OF.values(), *(bug.arguments for bug in BUGS)]
        for argument in arguments
        if argument.startswith("tests/")
    )
)


def copy(root: Path, folder: Path) -> None:
    """What tests need, without what they leave behind."""
    for name in COPIED:
        source, target = root / name, folder / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, target)


def first_failure(root: Path, arguments: tuple[str, ...], mutant: Mutant | None) -> str | None:
    """The first of the tests that fails with the bug planted, None if none does."""
    with tempfile.TemporaryDirectory(prefix="turnout-mutant-") as name:
        folder = Path(name)
        copy(root, folder)
        if mutant is not None:
            (folder / mutant.file).write_text(mutant.planted(root))
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider", *arguments]
        # Processes that the tests start are to find the copy, too.
        environment = {
            **os.environ,
            "PYTHONPATH": f"{folder}:{folder / 'proto'}",
            "HYPOTHESIS_PROFILE": "mutants",
        }
        run = subprocess.run(
            command, cwd=folder, env=environment, capture_output=True, text=True, check=False,
            timeout=LIMIT_S,
        )  # fmt: skip
    found = FAILED.search(run.stdout)
    assert found or run.returncode == 0, run.stdout + run.stderr
    return found[1] if found else None


def failures(bugs: Sequence[Mutant], *, with_none: bool) -> dict[Mutant, str | None]:
    """The test that caught each.

    Args:
        with_none: look first whether all tests pass with nothing planted: one that fails would
            seem to catch everything.
    """
    with tempfile.TemporaryDirectory(prefix="turnout-mutants-") as name:
        # All are planted in the files of now, whatever happens to them meanwhile.
        root = Path(name)
        copy(ROOT, root)
        if with_none:
            assert (failed := first_failure(root, ALL_TESTS, None)) is None, failed
        caught = {}
        with Progress() as progress:
            for bug in progress.track(bugs, description="planting bugs"):
                caught[bug] = test = first_failure(root, bug.arguments, bug)
                by = test or "[bold red]nobody[/]"
                progress.console.print(
                    f"{bug.invariant:2} {bug.what}: {by}", highlight=False, soft_wrap=True
                )
        return caught


def main(words: list[str]) -> None:
    """Prints what caught each; exits with 1 if a bug went unnoticed."""
    chosen = [
        bug
        for bug in BUGS
        if not words or str(bug.invariant) in words or any(word in bug.what for word in words)
    ]
    caught = failures(chosen, with_none=not words)
    if None in caught.values():
        sys.exit(1)
    if not words:
        README.write_text(with_rows(README.read_text(), caught))


if __name__ == "__main__":
    main(sys.argv[1:])
