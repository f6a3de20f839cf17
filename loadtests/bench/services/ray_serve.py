"""Ray Serve."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.services.service import APPS, Service
from loadtests.bench.tools import environment, version_in
from loadtests.bench.work import ROUTER_CORE


@contextlib.contextmanager
def ray_serve(folder: Path) -> Iterator[Service]:
    """One process for the model, besides Ray's own."""
    made, port = environment("ray_serve"), free_port()
    command = [str(made / "bin" / "python"), str(APPS / "ray_serve_app.py"), str(port)]
    command += [str(folder / "ray")]
    with running(command, folder, core=ROUTER_CORE, env={"RAY_USAGE_STATS_ENABLED": "0"}) as ray:
        await_port(port, ray, folder)
        yield Service("Ray Serve", version_in(made, "ray"), f"http://127.0.0.1:{port}/score")
