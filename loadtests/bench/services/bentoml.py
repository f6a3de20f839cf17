"""BentoML."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.services.service import APPS, Service
from loadtests.bench.tools import environment, version_in
from loadtests.bench.work import ROUTER_CORE


@contextlib.contextmanager
def bentoml(folder: Path) -> Iterator[Service]:
    """One worker."""
    made, port = environment("bentoml"), free_port()
    command = [str(made / "bin" / "bentoml"), "serve", "bentoml_app:Busy", "--working-dir"]
    command += [str(APPS), "--host", "127.0.0.1", "--port", str(port)]
    private = {"BENTOML_DO_NOT_TRACK": "True", "BENTOML_HOME": str(folder)}
    with running(command, folder, core=ROUTER_CORE, env=private) as process:
        await_port(port, process, folder)
        yield Service("BentoML", version_in(made, "bentoml"), f"http://127.0.0.1:{port}/score")
