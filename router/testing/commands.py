"""Runs `turnout` commands as a user types them, each as a process of its own."""

import asyncio
import os
import shlex
import sys
from pathlib import Path

from router.testing.failure import HarnessError

TIMEOUT_S = 60


class Commands:
    """Commands typed in ``folder``, to the control plane at ``url``.

    Args:
        settings_folder: where `turnout configure` keeps its defaults; None for the user's own.
        timeout_s: how long each may take.
    """

    def __init__(
        self,
        folder: Path,
        url: str,
        settings_folder: Path | None = None,
        timeout_s: int = TIMEOUT_S,
    ) -> None:
        self._folder = folder
        self._timeout_s = timeout_s
        self._environment = {**os.environ, "TURNOUT_CONTROL_PLANE": url}
        if settings_folder is not None:
            self._environment["TURNOUT_CONFIG_DIR"] = str(settings_folder)

    async def run(self, line: str) -> str:
        """What the command printed.

        Args:
            line: as typed, e.g. ``turnout online-endpoint list``.

        Raises:
            HarnessError: it ended with an error, or not in time.
        """
        program, *words = shlex.split(line)
        assert program == "turnout", line
        process = await asyncio.create_subprocess_exec(
            *[sys.executable, "-P", "-m", "router.cli", *words],
            cwd=self._folder,
            env=self._environment,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        try:
            async with asyncio.timeout(self._timeout_s):
                output, errors = await process.communicate()
        except TimeoutError:
            raise HarnessError(f"expected `{line}` to end within {self._timeout_s} s") from None
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
        if process.returncode != 0:
            raise HarnessError(
                f"expected `{line}` to succeed, got exit code {process.returncode}:\n"
                f"{errors.decode(errors='replace').rstrip()}"
            )
        return output.decode().rstrip("\n")
