"""A disk on which each write that must last takes half a second: changes wait for it, nobody else.

strace holds the control plane's system calls up; nothing of the daemon is replaced.
"""

import asyncio
import contextlib
import json
import os
import shutil
import signal
from collections.abc import AsyncIterator

import aiohttp
import pytest

from tests.e2e.harness import WAIT_S, Daemon, Load
from tests.records import recorded_pids

STRACE = shutil.which("strace")
CALLS = "fsync,fdatasync"
DELAY_US = 500_000
SCRIPT = "def init(): pass\ndef run(raw): return 'ok'\n"
DEPLOYMENT = """
name: {name}
endpoint_name: my-endpoint
code_configuration: {{code: code/, scoring_script: score.py}}
request_settings: {{max_concurrent_requests_per_instance: 50}}
"""


@contextlib.asynccontextmanager
async def slow_disk(pid: int) -> AsyncIterator[list[str]]:
    """Gives the calls that were held up; whole when the block has ended."""
    assert STRACE is not None
    held_up: list[str] = []
    process = await asyncio.create_subprocess_exec(
        STRACE, "-f", "-p", str(pid), "-e", f"trace={CALLS}",
        "-e", f"inject={CALLS}:delay_enter={DELAY_US}", stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stderr is not None
    first = (await asyncio.wait_for(process.stderr.readline(), WAIT_S)).decode()
    if "attached" not in first:
        await process.wait()
        pytest.skip(f"processes can't be traced here: {first}")
    try:
        yield held_up
    finally:
        # It lets go of the process, which runs on.
        with contextlib.suppress(ProcessLookupError):
            process.send_signal(signal.SIGINT)
        rest = await asyncio.wait_for(process.stderr.read(), WAIT_S)
        held_up += [line for line in rest.decode().splitlines() if "sync(" in line]
        await process.wait()


@pytest.mark.skipif(STRACE is None, reason="apt-get install strace")
async def test_a_slow_disk_delays_changes_and_no_request_and_what_it_took_is_there(
    daemon: Daemon,
) -> None:
    folder = daemon.folder
    (folder / "code").mkdir()
    (folder / "code" / "score.py").write_text(SCRIPT)
    await daemon.run("online-endpoint", "create", "-n", "my-endpoint")
    for name in "blue", "green":
        (folder / f"{name}.yml").write_text(DEPLOYMENT.format(name=name))
        await daemon.run("online-deployment", "create", "-f", f"{name}.yml", cwd=folder)
    update = ("online-endpoint", "update", "-n", "my-endpoint", "--traffic")
    await daemon.run(*update, "blue=100")
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    keys = json.loads(await daemon.run("online-endpoint", "get-credentials", "-n", "my-endpoint"))
    async with aiohttp.ClientSession() as session:
        load = Load(session, shown["scoring_uri"], keys["primaryKey"], b"{}")
        async with load.running():
            async with slow_disk(daemon.process.pid) as held_up:
                sent = load.served.total()
                for percent in (10, 50):
                    await daemon.run(*update, f"blue={100 - percent} green={percent}")
                during = load.served.total() - sent
            assert len(held_up) >= 2, "each change is written so that it lasts"
            # Requests that waited for the disk would be 8 for each write, as many as clients.
            assert during > 8 * len(held_up) * 2
            # What was acknowledged is there, whoever dies then.
            os.kill(daemon.process.pid, signal.SIGKILL)
            await daemon.exit_code()
            daemon.restart()
        assert load.failed == []
    shown = json.loads(await daemon.run("online-endpoint", "show", "-n", "my-endpoint"))
    assert shown["traffic"] == {"blue": 50, "green": 50}
    assert len(recorded_pids(folder / ".turnout", "i")) == 2
