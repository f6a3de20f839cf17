"""What the HTTP proxies have behind them: nginx with a fixed answer, one port a deployment.

It costs less than any scoring process would, in the proxies' favour: Turnout has real ones
behind it, on the same core.
"""

import contextlib
from collections.abc import Iterator
from pathlib import Path

from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.tools import debian
from loadtests.bench.work import ANSWER, DEPLOYMENTS, LOAD_CORE

_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_max_body_size 16m; client_body_buffer_size 8m;
  {servers}
}}
"""
_SERVER = "server {{ listen 127.0.0.1:{port}; location / {{ return 200 '{answer}'; }} }}"


@contextlib.contextmanager
def upstreams(folder: Path) -> Iterator[dict[str, int]]:
    """Deployment to port."""
    folder.mkdir(parents=True)
    ports = {name: free_port() for name in DEPLOYMENTS}
    servers = "".join(_SERVER.format(port=port, answer=ANSWER) for port in ports.values())
    config = folder / "upstreams.conf"
    config.write_text(_CONFIG.format(folder=folder, servers=servers))
    command = [debian("nginx"), "-p", str(folder), "-c", str(config)]
    with running(command, folder, core=LOAD_CORE) as process:
        for port in ports.values():
            await_port(port, process, folder)
        yield ports
