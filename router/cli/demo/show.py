"""The frame of the demo: a daemon before the show, a verdict after it, nothing left behind."""

import asyncio
import signal
import time
from pathlib import Path

from rich.console import Console

from router.cli.demo.report import Report
from router.cli.demo.rollout import ENDPOINT, create_blue, delete_endpoint, roll_out_green
from router.cli.demo.stage import Stage
from router.testing.commands import Commands
from router.testing.daemon import running_daemon
from router.testing.failure import HarnessError

EXIT_OK, EXIT_FAILED = 0, 1
REQUEST = "sample-request.json"


def perform(examples: Path, record_to: Path | None = None) -> int:
    """Performs the whole demo with the files in ``examples``; returns the exit code.

    Args:
        record_to: where its load is written down for the simulator.
    """
    return asyncio.run(_perform(examples, (examples / REQUEST).read_bytes(), record_to))


async def _perform(examples: Path, request: bytes, record_to: Path | None) -> int:
    # What ends the demo must end its daemon too: SIGTERM as well as Ctrl-C.
    asyncio.get_running_loop().add_signal_handler(
        signal.SIGTERM, signal.raise_signal, signal.SIGINT
    )
    report = Report(Console())
    began_s = time.monotonic()
    stage: Stage | None = None
    try:
        report.heading("Start the daemon")
        report.command("turnout serve --config turnout.yml")
        async with running_daemon() as daemon:
            report.answer(f"the control plane is at {daemon.url}; state is kept in {daemon.folder}")
            report.note(f"the commands below run in {examples}")
            stage = Stage(daemon.url, Commands(examples, daemon.url), report, record_to)
            await _roll_out(stage, request)
    except HarnessError as failed:
        problems = [*(stage.problems if stage else []), str(failed)]
        report.closing(stage.rows if stage else [], 0, problems)
        return EXIT_FAILED
    report.closing(stage.rows, stage.requests, stage.problems)
    report.note(f"{time.monotonic() - began_s:.0f} s")
    return EXIT_FAILED if stage.problems else EXIT_OK


async def _roll_out(stage: Stage, request: bytes) -> None:
    await create_blue(stage)
    async with stage.clients(ENDPOINT, request):
        await roll_out_green(stage)
    await delete_endpoint(stage)
