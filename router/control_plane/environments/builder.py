"""Builds one environment: an interpreter, the user's packages and the runtime, in one folder.

The runtime's needs are resolved together with the user's, so that what can't live together
is found out while it is built, and not when an instance starts.
"""

import importlib.util
import shutil
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import msgspec

from router.control_plane.environments.conda_file import Recipe
from router.control_plane.environments.pythons import Python
from router.control_plane.environments.uv import run, run_uv

CONDA_TOOLS = ("micromamba", "mamba", "conda")
PACKAGES = ("runtime", "turnout")

Say = Callable[[str], None]


def conda_tool() -> str | None:
    """The conda, mamba or micromamba on the PATH; it is used instead of uv."""
    return next((found for tool in CONDA_TOOLS if (found := shutil.which(tool))), None)


async def build(folder: Path, recipe: Recipe, python: Python, say: Say) -> None:
    """Builds it with uv.

    Args:
        folder: where; not there yet.

    Raises:
        ImageBuildFailure: a package that is not to be had, or that fits no other.
    """
    await run_uv("venv", "--quiet", "--no-project", "--python", python.path, str(folder))
    await _install(folder, recipe.requirements, say)


async def build_with_conda(tool: str, folder: Path, conda: Mapping[str, object], say: Say) -> None:
    """Builds it with conda or one of its kin; arguments and errors as ``build``."""
    file = folder.with_suffix(".yml")
    # JSON is YAML, too.
    file.write_bytes(msgspec.json.encode(conda))
    try:
        await run(
            tool, "env", "create", "--yes", "--prefix", str(folder), "--file", str(file), say=say
        )
    finally:
        file.unlink()
    await _install(folder, (), say)


def runtime_files() -> Iterator[tuple[str, Path]]:
    """The runtime's own files, each with its path below a folder of packages."""
    for package in PACKAGES:
        spec = importlib.util.find_spec(package)
        assert spec is not None
        assert spec.submodule_search_locations is not None
        for location in map(Path, spec.submodule_search_locations):
            for path in sorted(location.rglob("*")):
                if path.suffix in {".py", ".txt"}:
                    yield str(Path(package) / path.relative_to(location)), path


def interpreter(folder: Path) -> Path:
    """An environment's Python."""
    return folder / "bin" / "python"


async def _install(folder: Path, requirements: tuple[str, ...], say: Say) -> None:
    python = str(interpreter(folder))
    file = folder / "requirements.txt"
    needs = [text for name, path in runtime_files() if name == "runtime/requirements.txt"
             for text in path.read_text().splitlines()]  # fmt: skip
    file.write_text("\n".join([*requirements, *needs]) + "\n")
    await run_uv("pip", "install", "--python", python, "--requirements", str(file), say=say)
    where = "import sysconfig; print(sysconfig.get_path('purelib'))"
    packages = Path((await run(python, "-c", where)).strip())
    for name, path in runtime_files():
        target = packages / name
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
