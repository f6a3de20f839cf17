"""The environments that were built: each once, named by what it is made of, shared by all.

An environment is complete when its mark is there, which is written last; what a daemon that
died left half built is removed and built again.
"""

import asyncio
import hashlib
import shutil
import sys
from collections import defaultdict
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from router.control_plane.environments.builder import (
    build,
    build_with_conda,
    conda_tool,
    interpreter,
    runtime_files,
)
from router.control_plane.environments.conda_file import read
from router.control_plane.environments.pythons import Python, installed, nearest
from router.core.errors import ImageBuildFailure

Say = Callable[[str], None]

MARK = "complete"
DIGEST_LETTERS = 16


class Environments:
    """The folder of environments.

    Args:
        root: made when the first one is built.
    """

    def __init__(self, root: Path) -> None:
        self._root = root.absolute()
        self._pythons: list[Python] = []
        self._turns: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def python_for(self, conda: Mapping[str, object] | None, say: Say, warn: Say) -> Path:
        """The interpreter of the environment that a conda file describes, built if need be.

        Args:
            conda: the file's keys and values; None for the daemon's own environment.
            say: told progress, in lines for people.
            warn: told what is not as the file wants it.

        Raises:
            BadRequest: the file can't be understood.
            ImageBuildFailure: it can't be built; the message has the resolver's.
        """
        if conda is None:
            return Path(sys.executable)
        recipe = read(conda)
        tool = conda_tool()
        if recipe.dropped and tool is None:
            warn(f"not Python packages, so left to this machine: {', '.join(recipe.dropped)}")
        self._pythons = self._pythons or await installed()
        python, warning = nearest(recipe.python, self._pythons)
        if warning is not None and tool is None:
            warn(warning)
        digest = _digest(conda if tool else (python, recipe), tool)
        folder = self._root / digest
        async with self._turns[digest]:
            if not (folder / MARK).exists():
                say(f"building environment {digest}")
                try:
                    await self._fresh(folder)
                    if tool is None:
                        await build(folder, recipe, python, say)
                    else:
                        await build_with_conda(tool, folder, conda, say)
                    (folder / MARK).touch()
                except ImageBuildFailure as error:
                    raise ImageBuildFailure(
                        f"expected to build the environment of the conda file, got:\n"
                        f"{error.message}"
                    ) from None
                finally:
                    if not (folder / MARK).exists():
                        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)
        return interpreter(folder)

    async def _fresh(self, folder: Path) -> None:
        self._root.mkdir(mode=0o700, parents=True, exist_ok=True)
        await asyncio.to_thread(shutil.rmtree, folder, ignore_errors=True)


def _digest(made_of: object, tool: str | None) -> str:
    """Names an environment by all that decides what is in it."""
    digest = hashlib.sha256(msgspec.json.encode((made_of, tool), order="deterministic"))
    for name, path in runtime_files():
        digest.update(name.encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()[:DIGEST_LETTERS]
