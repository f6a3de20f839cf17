"""HAProxy: servers with weights. It can't mirror, and so does a tenth less."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.tools import debian, version_of
from loadtests.bench.work import LIVE_PERCENT, PATH, ROUTER_CORE

_CONFIG = """
global
  nbthread 1
  maxconn 8192
defaults
  mode http
  timeout connect 5s
  timeout client 3600s
  timeout server 3600s
  option http-keep-alive
  http-reuse always
frontend in
  bind 127.0.0.1:{port}
  default_backend deployments
backend deployments
  balance roundrobin
{servers}
"""


@contextlib.contextmanager
def haproxy(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:
    """One thread on the router's core."""
    binary, port = debian("haproxy"), free_port()
    servers = "".join(
        f"  server {name} 127.0.0.1:{upstreams[name]} weight {weight}\n"
        for name, weight in LIVE_PERCENT.items()
    )
    config = folder / "haproxy.cfg"
    config.write_text(_CONFIG.format(port=port, servers=servers))
    with running([binary, "-db", "-f", config], folder, core=ROUTER_CORE) as process:
        await_port(port, process, folder)
        version = version_of(binary, "-v")
        yield Router("HAProxy", version, f"http://127.0.0.1:{port}{PATH}", (process.pid,))
