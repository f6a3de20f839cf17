"""A minute of chaos. `make chaos` runs for ten, with whatever seed."""

import shutil
import tempfile
from pathlib import Path

import pytest
from rich.console import Console

from tests.chaos.report import show
from tests.chaos.run import run

SEED, MINUTES, RATE_PER_S = 1, 1.0, 300.0


@pytest.mark.timeout(400)
async def test_a_minute_of_chaos_gives_no_wrong_answer_and_loses_nothing() -> None:
    # A short path: Unix sockets have room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="t-"))
    result = await run(folder, SEED, MINUTES, RATE_PER_S)
    if result.failures:
        show(result, Console())
    assert result.failures == [], f"its folder is {folder}"
    assert result.audit.sent > 0
    shutil.rmtree(folder)
