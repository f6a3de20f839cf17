"""`python -m loadtests.bench.profile`: where the worker's time goes at 64 connections.

Samples of Linux's perf, added up by system call or, outside of the kernel, by library, as
microseconds per request. What the worker's Python does itself is one line of it
(libpython); `make microbench` splits that further.
"""

import re
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path

import click
from rich.table import Table

from loadtests.bench import load, processes, report, sidebyside
from loadtests.bench.tools import MissingError, debian

CONNECTIONS, SAMPLES_PER_S = 64, 1999
LINES_MAX = 24
# The kernel's own names of where a system call begins, of which compilers leave some out.
_SYSTEM_CALL = re.compile(r"^(?:__(?:x64|arm64|do|se)_sys|ksys|_{2,3}sys)_(\w+)")
_SWITCHES = {"schedule", "__schedule", "exit_to_user_mode_loop", "asm_sysvec_reschedule_ipi"}
# A line of a stack: address, symbol, library in parentheses.
_FRAME = re.compile(r"^\s+[0-9a-f]+ (?P<symbol>.*?) \((?P<library>[^()]*(?:\([^()]*\))?)\)$")


def where(stack: list[str]) -> str:
    """The system call that a stack is in, or else the library of its innermost frame."""
    frames = [found for line in stack if (found := _FRAME.match(line))]
    for frame in frames:
        if call := _SYSTEM_CALL.match(frame["symbol"]):
            return f"system call {call[1]}"
    if any(frame["symbol"] in _SWITCHES for frame in frames):
        return "switches between threads"
    library = frames[0]["library"] if frames else "unknown"
    if library.startswith("["):
        return "kernel, other"
    return library.rpartition("/")[2].partition(".")[0]


def shares(printed: str) -> dict[str, float]:
    """Of all that `perf script` printed, the share of each place, the largest first."""
    cycles: Counter[str] = Counter()
    for sample in printed.split("\n\n"):
        period, *stack = sample.strip("\n").splitlines() or [""]
        if period.strip().isdigit():
            cycles[where(stack)] += int(period)
    return {place: count / cycles.total() for place, count in cycles.most_common()}


def record(seconds: float, folder: Path) -> tuple[float, dict[str, float]]:
    """CPU µs per request of the worker, and the shares of it, under load."""
    perf, data = debian("perf"), folder / "perf.data"
    with sidebyside.all_up(folder, ["Turnout"]) as (turnout,):
        before = processes.usage(turnout.pids)
        watched = ",".join(str(pid) for pid in turnout.pids)
        sampling = subprocess.Popen(
            [perf, "record", "--quiet", "--call-graph", "fp", "--freq", str(SAMPLES_PER_S),
             "--output", str(data), "--pid", watched, "--", "sleep", str(seconds)]
        )  # fmt: skip
        try:
            seen = load.run(
                turnout.url,
                connections=CONNECTIONS,
                seconds=seconds,
                folder=folder,
                key=turnout.key,
            )
            after = processes.usage(turnout.pids)
        finally:
            # Ends by itself with the load.
            sampling.wait(processes.STOP_TIMEOUT_S)
    script = [perf, "script", "--input", str(data), "--fields", "period,ip,sym,dso"]
    printed = subprocess.run(script, capture_output=True, text=True, check=True).stdout
    return (after.cpu_s - before.cpu_s) / seen.requests * load.US_PER_S, shares(printed)


@click.command()
@click.option("--seconds", default=10.0, show_default=True, help="Under load.")
def main(seconds: float) -> None:
    """Print where the worker's time goes at 64 connections."""
    try:
        with tempfile.TemporaryDirectory(prefix="turnout-profile-") as folder:
            cpu_us, by_place = record(seconds, Path(folder))
    except MissingError as error:
        click.echo(error, err=True)
        sys.exit(2)
    table = Table("where", title=f"The worker's {cpu_us:.1f} µs per request, perf at work")
    table.add_column("%", justify="right")
    table.add_column("µs", justify="right")
    for place, share in list(by_place.items())[:LINES_MAX]:
        table.add_row(place, f"{share:.1%}", f"{share * cpu_us:.2f}")
    report.show(table)


if __name__ == "__main__":
    main()
