"""Runs uv, and other tools that build environments, as processes that end with their caller."""

import asyncio
import contextlib
import os
from collections.abc import Callable

import uv

from router.core.errors import ImageBuildFailure

MESSAGE_LINES = 30


def _quiet(_: str) -> None:
    """Tells nobody."""


async def run_uv(*arguments: str, say: Callable[[str], None] = _quiet) -> str:
    """What uv prints; arguments and errors as ``run``."""
    return await run(uv.find_uv_bin(), *arguments, say=say)


async def run(*command: str, say: Callable[[str], None] = _quiet) -> str:
    """What a command prints on its standard output.

    Args:
        say: told each line of its standard error, where such tools report progress.

    Raises:
        ImageBuildFailure: it failed; the message has the last lines that it said.
    """
    process = await asyncio.create_subprocess_exec(
        *command,
        # Which interpreters there are is this machine's affair; indexes are the user's.
        env={**os.environ, "UV_PYTHON_DOWNLOADS": "never", "UV_NO_PROGRESS": "1"},
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        output, lines = await asyncio.gather(_read(process.stdout), _lines(process.stderr, say))
        status = await process.wait()
    except BaseException:
        with contextlib.suppress(ProcessLookupError):
            process.kill()
        await process.wait()
        raise
    if status:
        raise ImageBuildFailure("\n".join(lines[-MESSAGE_LINES:]) or f"exit code {status}")
    return output


async def _read(stream: asyncio.StreamReader | None) -> str:
    assert stream is not None
    return (await stream.read()).decode(errors="replace")


async def _lines(stream: asyncio.StreamReader | None, say: Callable[[str], None]) -> list[str]:
    assert stream is not None
    lines = []
    async for raw in stream:
        if line := raw.decode(errors="replace").rstrip():
            lines.append(line)
            say(line.strip())
    return lines
