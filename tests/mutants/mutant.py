"""What a planted bug is, and which tests are to catch it."""

from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[2]
_PROPERTIES = "tests/properties"
_LIFECYCLE = tuple(f"{_PROPERTIES}/test_{name}.py" for name in ("lifecycle", "rollout", "waiting"))
CONTROL_PLANE = tuple(
    f"{_PROPERTIES}/test_{name}.py" for name in ("control_plane_kills", "control_plane")
)
SWARM = (
    "tests/sim/test_simulate.py::"
    "test_no_invariant_is_broken_in_random_worlds_and_all_are_well_in_the_end",
)
# The tests of each invariant, those first that take least; a bug may name others.
TESTS_OF = {
    1: _LIFECYCLE,
    2: (f"{_PROPERTIES}/test_no_waiting.py", "tests/test_architecture.py"),
    3: (f"{_PROPERTIES}/test_exact_split.py",),
    4: (f"{_PROPERTIES}/test_direct_calls.py", f"{_PROPERTIES}/test_exact_mirror.py"),
    5: (f"{_PROPERTIES}/test_exact_mirror.py",),
    6: (f"{_PROPERTIES}/test_rules.py", *CONTROL_PLANE),
    7: (f"{_PROPERTIES}/test_direct_calls.py",),
    8: (f"{_PROPERTIES}/test_quota.py",),
    9: ("tests/core/test_deadlines.py", *_LIFECYCLE, f"{_PROPERTIES}/test_direct_calls.py"),
    10: _LIFECYCLE,
    11: CONTROL_PLANE,
    12: (f"{_PROPERTIES}/test_journal.py", "tests/sim/test_simulate.py", "-k", "test_12"),
}


class Mutant(NamedTuple):
    """A bug.

    Attributes:
        invariant: which it breaks.
        file: below the repository's root.
        before: found there once; ``after`` takes its place.
        tests: arguments of pytest; those of the invariant if empty.
    """

    invariant: int
    what: str
    file: str
    before: str
    after: str
    tests: tuple[str, ...] = ()

    @property
    def arguments(self) -> tuple[str, ...]:
        """What pytest is called with."""
        return self.tests or TESTS_OF[self.invariant]

    def planted(self, root: Path = ROOT) -> str:
        """The file's text with the bug."""
        text = (root / self.file).read_text()
        count = text.count(self.before)
        assert count == 1, f"{self.file}: expected {self.before!r} once, found it {count} times"
        return text.replace(self.before, self.after)
