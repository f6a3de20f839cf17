"""Plants one-line bugs in copies of the core, one at a time: a test must catch each.

    make mutants

tests/properties/README.md holds the same list, with the tests that were seen to fail.
"""

import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import NamedTuple

from rich.console import Console
from rich.progress import track
from rich.table import Table

ROOT = Path(__file__).parents[1]
COPIED = ("router", "runtime", "loadtests", "tests", "proto", "examples", "pyproject.toml")
FAILED = re.compile(r"^FAILED (\S+)", re.MULTILINE)


class Mutant(NamedTuple):
    """A bug: what it breaks, where, and the line before and after."""

    invariant: int
    what: str
    file: str
    before: str
    after: str


MUTANTS = (
    Mutant(1, "a stale snapshot stays in force for authorisation", "dispatcher.py",
           "        self.snapshot = after\n",
           "        self.snapshot = after if before.generation == 0 else before\n"),
    Mutant(2, "the core waits", "dispatcher.py",
           "    def pump(self, lane: Lane, now_ns: int) -> None:\n",
           "    async def wait(self) -> None: ...\n\n"
           "    def pump(self, lane: Lane, now_ns: int) -> None:\n"),
    Mutant(3, "the first share is one percent too small", "schedule.py",
           "draw_slots(len(free), percent, random)", "draw_slots(len(free), percent - 1, random)"),
    Mutant(3, "random picking instead of strata", "schedule.py",
           "(stratum + random()) * slots / take", "random() * slots"),
    Mutant(3, "round robin: no randomness inside a stratum", "schedule.py",
           "(stratum + random()) * slots / take", "stratum * slots / take"),
    Mutant(4, "one percent too many is copied", "snapshot.py",
           "(BLOCK - share, share)", "(BLOCK - share - 1, share + 1)"),
    Mutant(4, "the mirror draws from the live schedule", "admission.py",
           "mirror.schedule.pick()", "endpoint.live.schedule.pick()"),
    Mutant(5, "the live request waits for its copy: both in one lane", "admission.py",
           "self.ledger.take(Kind.COPY, deployment, live",
           "self.ledger.take(Kind.COPY, endpoint.live_deployments[0], live"),
    Mutant(5, "copies queue without bound", "admission.py",
           "if lane.copies_pending >= deployment.pending_max or not lane.instances:\n"
           "            lane.copies_lost",
           "if not lane.instances:\n            lane.copies_lost"),
    Mutant(5, "copies that found no room are forgotten", "dispatcher.py",
           "            self._gather(lane)\n", "            pass\n"),
    Mutant(5, "copies wait until they are overdue", "lane.py",
           " and request.deployment.timeout_ns >= GATHERING_TIMEOUT_NS_MIN", ""),
    Mutant(5, "copies take the places of clients", "ledger.py",
           "            lane.copies_pending += 1\n", "            lane.places.add(9999)\n"),
    Mutant(6, "any sum of percents is accepted", "rules.py",
           "if total not in (0, TRAFFIC_SUM_PERCENT):", "if total > TRAFFIC_SUM_PERCENT:"),
    Mutant(6, "live and mirrored at once is accepted", "rules.py",
           "if traffic.get(name):", "if traffic.get(name) == TRAFFIC_SUM_PERCENT:"),
    Mutant(6, "a mirror target can be deleted", "rules.py",
           "if percent := mirror_traffic.get(deployment):", "if percent := 0:"),
    Mutant(7, "direct calls are mirrored", "admission.py",
           "        lane.direct += 1\n        return request\n",
           "        lane.direct += 1\n        if endpoint.mirror:\n"
           "            self._copy(endpoint, request, now_ns)\n        return request\n"),
    Mutant(7, "direct calls take a turn of the schedule", "admission.py",
           "            return self._take_direct(",
           "            endpoint.live and endpoint.live.schedule.pick()\n"
           "            return self._take_direct("),
    Mutant(8, "a bucket holds more than its burst", "token_bucket.py",
           "if self.credit > self._full:", "if self.credit > 2 * self._full:"),
    Mutant(8, "a promise is forgotten: who waits holds up nobody", "token_bucket.py",
           "        self.credit -= need * NS_PER_S\n"
           "        return 0 if self.credit >= 0 else -(self.credit // self._per_s)",
           "        lacking = need * NS_PER_S - self.credit\n"
           "        self.credit = max(-lacking, 0)\n"
           "        return -(-lacking // self._per_s) if lacking > 0 else 0"),
    Mutant(8, "a lease is not taken out of the bucket", "throttle.py",
           "if not wait_ns and not self._budget.take(self._lease, now_ns)", "if not wait_ns"),
    Mutant(8, "leases come on top of the burst", "quota.py",
           "held = rate - lease * budgets.workers", "held = rate"),
    Mutant(8, "a wait is rounded down", "token_bucket.py",
           "else -(self.credit // self._per_s)", "else -self.credit // self._per_s"),
    Mutant(9, "deadlines that still count are swept out", "deadlines.py",
           "if number in unanswered]", "if number not in unanswered]"),
    Mutant(9, "an answer goes to whoever has that number, from any instance", "dispatcher.py",
           "if request is None or request.instance is not instance:", "if request is None:"),
    Mutant(9, "a refused request is not counted as answered", "ledger.py",
           "        self.accepted += 1\n        self.answered += 1\n",
           "        self.accepted += 1\n"),
    Mutant(9, "a late answer does not free its place", "dispatcher.py",
           "            instance.expired.discard(answer.id)\n"
           "            instance.on_answered(answer.id)\n",
           "            instance.expired.discard(answer.id)\n"),
    Mutant(9, "the deadline is ignored", "deadlines.py",
           "while self._next_slot <= now_slot:", "while self._next_slot < 0:"),
    Mutant(9, "a request whose answer has begun is sent again", "dispatcher.py",
           "request.resent or request.begun or ", "request.resent or "),
    Mutant(9, "each part of an answer ends its request", "dispatcher.py",
           "            if answer.more:\n                self._on_part(request, answer, now_ns)\n"
           "                continue\n", ""),
    Mutant(10, "an instance is let go while it holds requests", "membership.py",
           "if instance.removed and not instance.outstanding:", "if instance.removed:"),
    Mutant(10, "a deleted deployment forgets its queue", "membership.py",
           "if lane.keeps_removed and (lane.queue or not lane.closed):\n            return\n",
           "pass\n"),
    Mutant(10, "old instances go though their successors can't be reached", "lane.py",
           "return self.closed or all(instance.removed for instance in self.instances.values())",
           "return self.closed"),
    Mutant(10, "what a lost instance held is dropped", "dispatcher.py",
           "                lane.queue.appendleft(request)\n", "                pass\n"),
)  # fmt: skip


UNHARMED = Mutant(0, "no bug", "schedule.py", "BLOCK = 100\n", "BLOCK = 100\n")


def caught_by(mutant: Mutant) -> str | None:
    """The first test that fails with the bug planted, None if none does."""
    with tempfile.TemporaryDirectory(prefix="turnout-mutant-") as folder:
        for name in COPIED:
            source, target = ROOT / name, Path(folder) / name
            if source.is_dir():
                shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy(source, target)
        path = Path(folder) / "router" / "core" / mutant.file
        text = path.read_text()
        assert text.count(mutant.before) == 1, f"{mutant.what}: {mutant.before!r} is not there once"
        path.write_text(text.replace(mutant.before, mutant.after))
        command = [sys.executable, "-m", "pytest", "-x", "-p", "no:cacheprovider"]
        command += ["tests/properties", "tests/core", "tests/test_architecture.py"]
        run = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        found = FAILED.search(run.stdout)
        assert found or run.returncode == 0, run.stdout
        return found[1] if found else None


def main() -> None:
    """Prints a table; exits with 1 if a bug went unnoticed."""
    table = Table("invariant", "planted bug", "caught by", title="Mutants of the core")
    missed = 0
    # A test that fails with nothing planted would seem to catch everything.
    assert caught_by(UNHARMED) is None
    for mutant in track(MUTANTS, "planting bugs"):
        test = caught_by(mutant)
        missed += test is None
        table.add_row(str(mutant.invariant), mutant.what, test or "[bold red]nobody[/]")
    Console(width=200).print(table)
    sys.exit(1 if missed else 0)


if __name__ == "__main__":
    main()
