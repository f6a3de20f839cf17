"""Traefik: a weighted service inside a mirroring one."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

import yaml

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.tools import environment, version_of
from loadtests.bench.work import LIVE_PERCENT, MIRROR_PERCENT, PATH, ROUTER_CORE


@contextlib.contextmanager
def traefik(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:
    """One Go processor on the router's core."""
    binary, port = environment("proxies") / "bin" / "traefik", free_port()
    services: dict[str, object] = {
        name: {"loadBalancer": {
            "servers": [{"url": f"http://127.0.0.1:{upstream}"}], "serversTransport": "kept",
        }}
        for name, upstream in upstreams.items()
    }  # fmt: skip
    weights = [{"name": name, "weight": weight} for name, weight in LIVE_PERCENT.items()]
    services["live"] = {"weighted": {"services": weights}}
    services["all"] = {
        "mirroring": {"service": "live", "mirrors": [{"name": "shadow", "percent": MIRROR_PERCENT}]}
    }
    router = {"rule": "PathPrefix(`/`)", "service": "all", "entryPoints": ["in"]}
    transport = {"maxIdleConnsPerHost": 512}
    http = {
        "routers": {"all": router},
        "services": services,
        "serversTransports": {"kept": transport},
    }
    (folder / "dynamic.yml").write_text(yaml.safe_dump({"http": http}))
    settings = {
        "entryPoints": {"in": {"address": f"127.0.0.1:{port}"}},
        "providers": {"file": {"filename": str(folder / "dynamic.yml")}},
        "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
        "log": {"level": "ERROR"},
    }
    (folder / "traefik.yml").write_text(yaml.safe_dump(settings))
    command = [str(binary), f"--configFile={folder / 'traefik.yml'}"]
    with running(command, folder, core=ROUTER_CORE, env={"GOMAXPROCS": "1"}) as process:
        await_port(port, process, folder)
        version = "traefik " + version_of(binary, "version").partition(":")[2].strip()
        yield Router("Traefik", version, f"http://127.0.0.1:{port}{PATH}", (process.pid,))
