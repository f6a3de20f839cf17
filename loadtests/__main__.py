"""`python -m loadtests`: a daemon, the example's two deployments, and locust with a rollout.

Starts everything on free ports, and ends it. Arguments are passed on to locust, e.g.
``--duration-s 20 --html report.html``.
"""

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "examples"
BIN = Path(sys.executable).parent
STOP_TIMEOUT_S = 60
# The load is to be routed, not slowed.
CONFIG = """
data_plane: {port: 0}
control_plane: {port: 0}
quotas: {bandwidth_bytes_per_s: unlimited}
"""


def main() -> int:
    """Returns locust's exit code."""
    with tempfile.TemporaryDirectory(prefix="turnout-") as folder, _daemon(Path(folder)) as url:
        os.environ["TURNOUT_CONTROL_PLANE"] = url
        os.environ["PATH"] = f"{BIN}{os.pathsep}{os.environ['PATH']}"
        _turnout("online-endpoint create -f endpoint.yml")
        _turnout("online-deployment create -f blue-deployment.yml --all-traffic")
        _turnout("online-deployment create -f green-deployment.yml")
        uri = _turnout("online-endpoint show -n my-endpoint -o tsv --query scoring_uri")
        key = _turnout("online-endpoint get-credentials -n my-endpoint -o tsv --query primaryKey")
        host = uri.removesuffix("/my-endpoint/score")
        # The key goes by the environment: command lines can be seen by everybody.
        os.environ["TURNOUT_KEY"] = key
        command = [str(BIN / "locust"), "-f", str(ROOT / "loadtests" / "locustfile.py")]
        command += ["--headless", "--only-summary", "--host", host, "--rollout", *sys.argv[1:]]
        return subprocess.run(command, check=False).returncode


@contextmanager
def _daemon(folder: Path) -> Iterator[str]:
    """The URL of a control plane that ends with the block."""
    (folder / "turnout.yml").write_text(CONFIG)
    with (folder / "daemon.log").open("wb") as log:
        daemon = subprocess.Popen(
            [BIN / "turnout", "serve"], cwd=folder, stdout=subprocess.PIPE, stderr=log, text=True
        )
    assert daemon.stdout is not None
    try:
        ready = daemon.stdout.readline()
        if "control plane at " not in ready:
            sys.exit((folder / "daemon.log").read_text())
        yield ready.split("control plane at ")[1].strip()
    finally:
        daemon.terminate()
        daemon.stdout.close()
        daemon.wait(STOP_TIMEOUT_S)


def _turnout(arguments: str) -> str:
    command = [str(BIN / "turnout"), *arguments.split()]
    done = subprocess.run(command, cwd=EXAMPLES, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        sys.exit(f"turnout {arguments}: {done.stderr}")
    return done.stdout.strip()


if __name__ == "__main__":
    sys.exit(main())
