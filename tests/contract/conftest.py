"""Fixtures: both servers, started once for all tests and ended after the last."""

import shutil
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.contract.scripts import SCRIPTS
from tests.contract.servers import Reply, Server, Turnout, azure, write_script

JSON = {"Content-Type": "application/json"}


class Pair:
    """Azure's server and ours, on one script."""

    def __init__(self, theirs: Server, ours: Server) -> None:
        self.theirs = theirs
        self.ours = ours

    def compare(
        self,
        body: bytes | str | None = b"",
        *,
        method: str = "POST",
        target: str = "/score",
        headers: Mapping[str, str] = JSON,
    ) -> Reply:
        """Asks both the same; fails unless they answer the same. Returns ours."""
        data = body.encode() if isinstance(body, str) else body
        theirs, ours = (s.ask(method, target, data, headers) for s in (self.theirs, self.ours))
        assert (ours.status, ours.body) == (theirs.status, theirs.body)
        assert ours.compared_headers == theirs.compared_headers
        return ours


@pytest.fixture(scope="session")
def folder() -> Iterator[Path]:
    # A short path: Unix sockets have room for 107 bytes.
    folder = Path(tempfile.mkdtemp(prefix="c-"))
    (folder / "models" / "model-1").mkdir(parents=True)
    for name in SCRIPTS:
        write_script(folder, name)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def turnout(folder: Path) -> Iterator[Turnout]:
    # A process of its own: tests that start others must not fork one that has used gRPC.
    started = Turnout(folder)
    yield started
    started.end()


@pytest.fixture(scope="session")
def pair(folder: Path, turnout: Turnout) -> Iterator[Callable[[str], Pair]]:
    pairs: dict[str, Pair] = {}
    with ExitStack() as running:

        def find(name: str) -> Pair:
            if name not in pairs:
                server = running.enter_context(azure(folder / name, SCRIPTS[name].environment))
                pairs[name] = Pair(server, turnout.server(name))
            return pairs[name]

        yield find
