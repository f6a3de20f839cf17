"""Turnout: the daemon with real scoring processes, set up as its user would.

Every feature is on: the key is checked, requests and bytes are counted, each request has a
deadline. The worker alone is measured and has the router's core; the daemon's main process
and the instances share the other one with the load generator.
"""

import contextlib
import json
import subprocess
from collections.abc import Iterator, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import NamedTuple

import urllib3
import yaml

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_line, descendants, free_port, pin, running
from loadtests.bench.tools import BIN
from loadtests.bench.work import (
    DEPLOYMENTS,
    ENDPOINT,
    LIVE_PERCENT,
    LOAD_CORE,
    MIRROR_PERCENT,
    PATH,
    ROUTER_CORE,
)

SCRIPTS = Path(__file__).parents[1] / "scripts"
WORKER_MODULE = "router.data_plane"
# High enough that none is refused.
CONCURRENT_MAX = 1000
# All that there are, counted, and too high to slow or refuse anything.
HIGH_QUOTAS = {
    "bandwidth_bytes_per_s": 9_000_000_000,
    "requests_per_s": 1_000_000,
    "connections": 1_000_000,
    "connections_per_s": 1_000_000,
}
NO_QUOTAS = dict.fromkeys(HIGH_QUOTAS, "unlimited")
READY = "turnout is ready"
RELEASED = f"endpoint {ENDPOINT!r} is declared no longer"
RESOURCE = (
    "/subscriptions/s/resourceGroups/g/providers/Microsoft.MachineLearningServices/workspaces/w"
    f"/onlineEndpoints/{ENDPOINT}?api-version=2024-04-01"
)


class Scoring(NamedTuple):
    """One deployment: its script in scripts/, how many instances, and its environment."""

    script: str = "fixed.py"
    instances: int = 1
    variables: Mapping[str, str] = {}


class Setup(NamedTuple):
    """What the daemon serves.

    Attributes:
        idle_endpoints: further endpoints, which nobody calls.
    """

    deployments: Mapping[str, Scoring] = dict.fromkeys(DEPLOYMENTS, Scoring())
    traffic: Mapping[str, int] = LIVE_PERCENT
    mirror_traffic: Mapping[str, int] = {"shadow": MIRROR_PERCENT}
    workers: int = 1
    idle_endpoints: int = 0
    quotas: Mapping[str, object] = HIGH_QUOTAS


class Daemon(NamedTuple):
    """A daemon that serves a Setup."""

    url: str
    key: str
    control_plane: str
    process: "subprocess.Popen[bytes]"

    def worker_pids(self) -> tuple[int, ...]:
        """Its workers."""
        return tuple(
            child.pid for child in descendants(self.process.pid) if WORKER_MODULE in child.cmdline()
        )

    @property
    def resource_url(self) -> str:
        """Where the API has the endpoint."""
        return self.control_plane + RESOURCE

    def with_traffic(self, traffic: Mapping[str, int]) -> bytes:
        """The endpoint's resource as it is now, but with this traffic."""
        resource = urllib3.request("GET", self.resource_url).json()
        resource["properties"]["traffic"] = dict(traffic)
        return json.dumps(resource).encode()

    def call(self, *arguments: str) -> str:
        """A `turnout` command; returns what it prints.

        Raises:
            subprocess.CalledProcessError: it failed.
        """
        command = [str(BIN / "turnout"), *arguments, "--control-plane", self.control_plane]
        return subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def daemon(folder: Path, setup: Setup) -> Iterator[Daemon]:
    """Everything on the load generator's core."""
    folder.mkdir(parents=True, exist_ok=True)
    port, control_port = free_port(), free_port()
    _write(folder, setup, port, control_port)
    with running([BIN / "turnout", "serve"], folder, core=LOAD_CORE) as process:
        await_line(READY, process, folder)
        # What is declared only the file may change; here calls are to.
        _write_config(folder, setup, port, control_port, [])
        await_line(RELEASED, process, folder)
        control_plane = f"http://127.0.0.1:{control_port}"
        made = Daemon(f"http://127.0.0.1:{port}{PATH}", "", control_plane, process)
        keys = made.call("ml", "online-endpoint", "get-credentials", "-n", ENDPOINT)
        yield made._replace(key=json.loads(keys)["primaryKey"])


@contextlib.contextmanager
def turnout(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:  # noqa: ARG001 - as all
    """One worker, on the router's core."""
    with daemon(folder, Setup()) as made:
        pids = made.worker_pids()
        pin(pids, {ROUTER_CORE})
        yield Router("Turnout", f"turnout {version('turnout')}", made.url, pids, made.key)


def _write(folder: Path, setup: Setup, port: int, control_port: int) -> None:
    (folder / "endpoint.yml").write_text(yaml.safe_dump({"name": ENDPOINT, "auth_mode": "key"}))
    for name, scoring in setup.deployments.items():
        settings = {
            "name": name,
            "endpoint_name": ENDPOINT,
            "code_configuration": {"code": str(SCRIPTS), "scoring_script": scoring.script},
            "environment_variables": dict(scoring.variables),
            "instance_type": "Standard_DS3_v2",
            "instance_count": scoring.instances,
            "request_settings": {
                "max_concurrent_requests_per_instance": CONCURRENT_MAX,
                "request_timeout_ms": 60_000,
            },
        }
        (folder / f"{name}.yml").write_text(yaml.safe_dump(settings))
    declared: list[dict[str, object]] = [
        {
            "endpoint": "endpoint.yml",
            "deployments": [f"{name}.yml" for name in setup.deployments],
            "traffic": dict(setup.traffic),
            "mirror_traffic": dict(setup.mirror_traffic),
        }
    ]
    for number in range(setup.idle_endpoints):
        name = f"idle-{number}"
        (folder / f"{name}.yml").write_text(yaml.safe_dump({"name": name, "auth_mode": "key"}))
        declared.append({"endpoint": f"{name}.yml"})
    _write_config(folder, setup, port, control_port, declared)


def _write_config(
    folder: Path, setup: Setup, port: int, control_port: int, declared: list[dict[str, object]]
) -> None:
    config = {
        "data_plane": {"port": port, "workers": setup.workers},
        "control_plane": {"port": control_port, "tls_port": None},
        "quotas": dict(setup.quotas),
        "endpoints": declared,
    }
    new = folder / "turnout.yml.new"
    new.write_text(yaml.safe_dump(config))
    new.replace(folder / "turnout.yml")
