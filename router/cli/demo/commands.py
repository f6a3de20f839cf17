"""Runs `turnout` commands as a user types them, each as a process of its own."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

from router.cli.demo.failure import DemoFailed

TIMEOUT_S = 60


class Commands:
    """Commands typed in ``folder``, to the control plane at ``url``."""

    def __init__(self, folder: Path, url: str) -> None:
        self._folder = folder
        self._environment = {**os.environ, "TURNOUT_CONTROL_PLANE": url}

    async def run(self, line: str) -> str:
        """What the command printed.

        Raises:
            DemoFailed: it ended with an error, or not in time.
        """
        program, *arguments = shlex.split(line)
        assert program == "turnout", line
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-P", "-m", "router.cli", *arguments],
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(TIMEOUT_S):
                output, errors = await process.communicate()
        except TimeoutError:
            raise DemoFailed(f"expected `{line}` to end within {TIMEOUT_S} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise DemoFailed(
                f"expected `{line}` to succeed, got exit code {process.returncode}:\n"
                f"{errors.decode(errors='replace').rstrip()}"
            )
        return output.decode().rstrip("\n")
