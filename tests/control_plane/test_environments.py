"""Environments: real ones, built with uv, in which a real instance runs."""

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from router.control_plane.environments.builder import interpreter
from router.control_plane.environments.cache import MARK, Environments
from router.control_plane.environments.conda_file import read
from router.control_plane.environments.pythons import Python, nearest
from router.core.errors import ImageBuildFailure

TINY = {"name": "tiny", "dependencies": ["iniconfig=2.0.0"]}


class Said(list[str]):
    """What was said, in order."""

    def __call__(self, line: str) -> None:
        self.append(line)


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> tuple[Environments, Path, Said]:
    """An environment with one tiny package, and what was said while it was built."""
    environments = Environments(tmp_path_factory.mktemp("environments"))
    said = Said()
    python = asyncio.run(environments.python_for(TINY, said, said))
    return environments, python, said


def entries(folder: Path) -> list[Path]:
    return list(folder.iterdir())


def ask(python: Path, code: str) -> str:
    asked = subprocess.run(
        [python, "-P", "-c", code], capture_output=True, text=True, check=False, timeout=60
    )
    assert asked.returncode == 0, asked.stderr
    return asked.stdout.strip()


async def test_no_conda_file_means_the_daemons_own_python(tmp_path: Path) -> None:
    assert await Environments(tmp_path).python_for(None, Said(), Said()) == Path(sys.executable)


def test_an_environment_has_the_packages_that_were_asked_for_at_their_pins(
    built: tuple[Environments, Path, Said],
) -> None:
    _, python, said = built
    assert ask(python, "from importlib.metadata import version as v; print(v('iniconfig'))") == (
        "2.0.0"
    )
    assert said[0].startswith("building environment ")
    assert any(line.startswith("Installed ") for line in said)


def test_an_environment_has_the_runtime_and_not_the_router(
    built: tuple[Environments, Path, Said],
) -> None:
    _, python, _ = built
    where = ask(python, "import runtime.__main__ as m; print(m.__file__)")
    assert Path(where).is_relative_to(python.parent.parent)
    find = "import importlib.util as u; print(u.find_spec('router'), u.find_spec('aiohttp'))"
    assert ask(python, find) == "None None"


async def test_the_same_file_is_built_once_however_many_ask_at_once(tmp_path: Path) -> None:
    said = Said()
    environments = Environments(tmp_path)
    pythons = await asyncio.gather(*(environments.python_for(TINY, said, said) for _ in range(3)))
    assert len(set(pythons)) == 1
    assert len([line for line in said if line.startswith("building ")]) == 1
    assert await environments.python_for(TINY, Said(), Said()) == pythons[0]


async def test_what_a_crash_left_half_built_is_built_again(
    built: tuple[Environments, Path, Said],
) -> None:
    environments, python, _ = built
    folder = python.parent.parent
    (folder / MARK).unlink()
    (folder / "half").touch()
    said = Said()
    assert await environments.python_for(TINY, said, said) == python
    assert said[0].startswith("building environment ")
    assert not (folder / "half").exists()
    assert (folder / MARK).exists()


async def test_what_cannot_be_resolved_fails_with_the_resolvers_words_and_leaves_nothing(
    tmp_path: Path,
) -> None:
    conda = {"dependencies": ["iniconfig=99.1"]}
    with pytest.raises(ImageBuildFailure) as failed:
        await Environments(tmp_path).python_for(conda, Said(), Said())
    assert "iniconfig==99.1" in failed.value.message
    assert "unsatisfiable" in failed.value.message
    assert entries(tmp_path) == []


async def test_a_build_that_is_broken_off_leaves_nothing(tmp_path: Path) -> None:
    begun = asyncio.Event()
    build = asyncio.create_task(
        Environments(tmp_path).python_for(TINY, lambda _: begun.set(), Said())
    )
    await begun.wait()
    build.cancel()
    with pytest.raises(asyncio.CancelledError):
        await build
    assert entries(tmp_path) == []


async def test_conda_is_used_where_it_is_installed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a program in its place that makes the prefix as conda does: a Python of its own."""
    tools = tmp_path / "tools"
    tools.mkdir()
    fake = tools / "micromamba"
    fake.write_text(
        f'#!/bin/sh\necho "$@" > {tmp_path}/called\ncat "$7" > {tmp_path}/file\n'
        f'exec {sys.executable} -m venv --without-pip "$5"\n'
    )
    fake.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tools}:{os.environ['PATH']}")
    python = await Environments(tmp_path / "environments").python_for(TINY, Said(), Said())
    called = (tmp_path / "called").read_text()
    assert called.startswith("env create --yes --prefix ")
    assert '"iniconfig=2.0.0"' in (tmp_path / "file").read_text()
    assert ask(python, "import runtime.__main__; print('runs')") == "runs"


PYTHONS = [
    Python((3, 11, 7), "/own"),
    Python((3, 12, 1), "/usr/bin/python3.12"),
    Python((3, 12, 9), "/opt/python3.12"),
    Python((3, 14, 0), "/opt/python3.14"),
]


@pytest.mark.parametrize(
    ("entry", "path", "missing"),
    [
        ("python", "/own", None),
        ("python=3", "/own", None),
        ("python=3.11", "/own", None),
        ("python>=3.10", "/own", None),
        ("python<3.12", "/own", None),
        ("python<=3.11.7", "/own", None),
        ("python >=3.8,<3.13", "/own", None),
        ("python!=3.12.*", "/own", None),
        ("python=3.12", "/opt/python3.12", None),
        ("python=3.12.*", "/opt/python3.12", None),
        ("python 3.12.*", "/opt/python3.12", None),
        ("python==3.12.1", "/usr/bin/python3.12", None),
        ("python=3.12.9=h1_cpython", "/opt/python3.12", None),
        ("python>=3.12", "/opt/python3.14", None),
        ("python>3.11.7,<3.14", "/opt/python3.12", None),
        ("python>=3.12,<3.12.9", "/usr/bin/python3.12", None),
        ("python~=3.12.0", "/opt/python3.12", None),
        ("python>3.11.7,!=3.14.0", "/opt/python3.12", None),
        ("python=3.12.8", "/opt/python3.12", "3.12.8"),
        ("python=3.13", "/usr/bin/python3.12", "3.13"),
        ("python>=3.15", "/opt/python3.14", ">=3.15"),
        ("python<3.11", "/own", "<3.11"),
        ("python=3.8", "/own", "3.8"),
        ("python>=3.8,<3.10", "/own", "<3.10,>=3.8"),
        ("python=2.7", "/own", "2.7"),
    ],
)
def test_a_python_that_fits_is_taken_and_else_the_nearest_with_a_warning(
    entry: str, path: str, missing: str | None
) -> None:
    python, warning = nearest(read({"dependencies": [entry]}).python, PYTHONS)
    assert python.path == path
    if missing is None:
        assert warning is None
    else:
        assert warning == (
            f"expected Python {missing}, which is not installed; the environment gets the nearest "
            f"one that is, {python.text} ({path})"
        )


def test_an_interpreter_is_where_virtual_environments_have_it(tmp_path: Path) -> None:
    assert interpreter(tmp_path) == tmp_path / "bin" / "python"
