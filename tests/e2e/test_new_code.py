"""`turnout reload` when other code was installed meanwhile: workers run it, and nobody is cut.

The daemon runs from a copy of the packages, in which the test then changes a file.
"""

import shutil
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import aiohttp
import pytest

import router
from tests.e2e.harness import Daemon
from tests.e2e.raw_load import RawLoad, declare, uri_and_key
from tests.records import recorded_pids

PACKAGE = Path(router.__file__).parent
CONNECTIONS = 12
Start = Callable[..., Daemon]


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where what daemons run from now on is installed."""
    site = tmp_path / "site"
    shutil.copytree(PACKAGE, site / "router", ignore=shutil.ignore_patterns("__pycache__"))
    monkeypatch.setenv("PYTHONPATH", f"{site}:{PACKAGE.parent}")
    return site / "router"


def install(path: Path, old: str, new: str) -> None:
    """Another version of a file, put in its place at once."""
    text = path.read_text()
    assert text.count(old) == 1
    path.with_suffix(".new").write_text(text.replace(old, new))
    path.with_suffix(".new").replace(path)


async def servers(uri: str) -> set[str]:
    """What the workers call themselves that new connections come to."""
    url = urlsplit(uri)._replace(path="/").geturl()
    found = set()
    for _ in range(CONNECTIONS):
        async with aiohttp.ClientSession() as session, session.get(url) as response:
            found.add(response.headers["server"])
    return found


def workers(daemon: Daemon) -> dict[str, int]:
    return recorded_pids(daemon.folder / ".turnout", "w")


def log_in(message: str) -> str:
    """What is in the log that a message names."""
    return Path(message.partition("its log is ")[2].partition(". ")[0]).read_text()


async def test_a_reload_puts_the_installed_code_in_force_and_refuses_nobody_meanwhile(
    daemon_with: Start, installed: Path, tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    uri, key = await uri_and_key(daemon)
    load = RawLoad(uri, key)
    async with load.running():
        await load.some_more(100)
        install(installed / "data_plane/replies.py", "server: turnout", "server: turnout-next")
        assert await servers(uri) == {"turnout"}, "what runs has its code"
        await daemon.run("reload")
        assert await servers(uri) == {"turnout-next"}
        await load.some_more(100)
    assert load.failed == []


async def test_code_that_does_not_start_leaves_the_workers_that_serve(
    daemon_with: Start, installed: Path, tmp_path: Path
) -> None:
    daemon = daemon_with(declare(tmp_path), data_plane=", workers: 2")
    uri, key = await uri_and_key(daemon)
    before = workers(daemon)
    load = RawLoad(uri, key)
    async with load.running():
        await load.some_more(100)
        install(installed / "data_plane/worker.py", "import asyncio\n", "import no_such_module\n")
        with pytest.raises(AssertionError, match="The present one serves on") as failed:
            await daemon.run("reload")
        assert "No module named 'no_such_module'" in log_in(str(failed.value))
        assert workers(daemon) == before
        await load.some_more(100)
        install(installed / "data_plane/worker.py", "import no_such_module\n", "import asyncio\n")
        await daemon.run("reload")
        assert not set(workers(daemon).values()) & set(before.values())
        await load.some_more(100)
    assert load.failed == []
