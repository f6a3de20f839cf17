"""Azure's inference server, with Envoy in front."""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.contenders.envoy import envoy_to
from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.services.service import SCRIPTS, Service
from loadtests.bench.tools import environment, version_in
from loadtests.bench.work import LOAD_CORE


@contextlib.contextmanager
def azureml(folder: Path) -> Iterator[Service]:
    """One worker, on the core behind the router; Envoy has one route, without a mirror."""
    made, port = environment("azureml"), free_port()
    command = [str(made / "bin" / "azmlinfsrv"), "--entry_script", str(SCRIPTS / "busy.py")]
    command += ["--port", str(port), "--worker_count", "1"]
    path = {"PATH": f"{made / 'bin'}:/usr/bin:/bin"}
    with running(command, folder, core=LOAD_CORE, env=path) as process:
        await_port(port, process, folder)
        with envoy_to(folder, port) as router:
            version = version_in(made, "azureml-inference-server-http")
            url = router.url.replace("/bench/score", "/score")
            yield Service("Envoy + azureml", f"{version}, {router.version}", url)
