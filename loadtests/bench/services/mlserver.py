"""MLServer, with requests of the Open Inference Protocol."""

import contextlib
import json
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.services.service import APPS, Service
from loadtests.bench.tools import environment, version_in
from loadtests.bench.work import BODY, ROUTER_CORE


@contextlib.contextmanager
def mlserver(folder: Path) -> Iterator[Service]:
    """One process that also runs the model: its pool of workers was slower."""
    made, port = environment("mlserver"), free_port()
    settings = {
        "host": "127.0.0.1", "http_port": port, "grpc_port": free_port(), "parallel_workers": 0,
        "metrics_endpoint": None, "debug": False,
    }  # fmt: skip
    (folder / "settings.json").write_text(json.dumps(settings))
    model = {"name": "bench", "implementation": "mlserver_app.Busy"}
    (folder / "model-settings.json").write_text(json.dumps(model))
    command = [str(made / "bin" / "mlserver"), "start", str(folder)]
    with running(command, folder, core=ROUTER_CORE, env={"PYTHONPATH": str(APPS)}) as process:
        await_port(port, process, folder)
        (row,) = json.loads(BODY)["data"]
        tensor = {"name": "row", "shape": [1, len(row)], "datatype": "FP64", "data": row}
        url = f"http://127.0.0.1:{port}/v2/models/bench/infer"
        body = json.dumps({"inputs": [tensor]}).encode()
        yield Service("MLServer", version_in(made, "mlserver"), url, body)
