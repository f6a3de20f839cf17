"""The run() of busy.py behind Ray Serve. Arguments: the port, a folder for Ray's files."""

import sys
from pathlib import Path

import ray
from ray import serve
from starlette.requests import Request

sys.path.insert(0, str(Path(__file__).parents[1] / "scripts"))
import busy

CONCURRENT_MAX = 1000


@serve.deployment(max_ongoing_requests=CONCURRENT_MAX)
class Busy:
    """One process; the body is text, as the others get it."""

    def __init__(self) -> None:
        busy.init()

    async def __call__(self, request: Request) -> list[float]:
        """POST."""
        return busy.run((await request.body()).decode())


if __name__ == "__main__":
    port, folder = sys.argv[1:]
    scripts = str(Path(__file__).parents[1] / "scripts")
    ray.init(
        num_cpus=2,
        include_dashboard=False,
        _temp_dir=folder,
        runtime_env={"env_vars": {"PYTHONPATH": scripts, "RAY_SERVE_LOG_TO_STDERR": "0"}},
    )
    serve.start(
        http_options={"host": "127.0.0.1", "port": int(port)},
        logging_config={"enable_access_log": False},
    )
    serve.run(Busy.bind(), route_prefix="/score", blocking=True)
