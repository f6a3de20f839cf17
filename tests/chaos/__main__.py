"""`python -m tests.chaos`: one run, with its report; exit code 1 if anything is wrong."""

import argparse
import random
import shutil
import sys
import tempfile
from pathlib import Path

import uvloop
from rich.console import Console

from tests.chaos.report import show, tell_all, to_json
from tests.chaos.run import run

RATE_PER_S = 300.0


def main() -> int:
    """Runs it as the arguments say."""
    parser = argparse.ArgumentParser(prog="python -m tests.chaos", description=__doc__)
    parser.add_argument("--seed", type=int, default=None, help="draws the schedule; else random")
    parser.add_argument("--minutes", type=float, default=10.0, help="of faults (10)")
    parser.add_argument("--rate", type=float, default=RATE_PER_S, help="requests per second (300)")
    parser.add_argument("--keep", action="store_true", help="keep the folder, with the story")
    parser.add_argument("--json", type=Path, help="where to put the report for machines, too")
    arguments = parser.parse_args()
    seed = random.randrange(2**32) if arguments.seed is None else arguments.seed
    console = Console()
    # A short path: Unix sockets have room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    console.print(f"chaos, seed {seed}, {arguments.minutes:g} minutes, in {folder}")
    result = uvloop.run(run(folder, seed, arguments.minutes, arguments.rate))
    show(result, console)
    if arguments.json is not None:
        arguments.json.write_text(to_json(result))
    (folder / "story.txt").write_text(tell_all(result))
    if not (arguments.keep or result.failures):
        shutil.rmtree(folder)
    return 1 if result.failures else 0


if __name__ == "__main__":
    sys.exit(main())
