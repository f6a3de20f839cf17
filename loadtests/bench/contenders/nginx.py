"""nginx: split_clients draws the deployment, another draw sends a tenth past `mirror`."""

import contextlib
from collections.abc import Iterator, Mapping
from pathlib import Path

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_port, descendants, free_port, running
from loadtests.bench.tools import debian, version_of
from loadtests.bench.work import LIVE_PERCENT, MIRROR_PERCENT, PATH, ROUTER_CORE

_CONFIG = """
daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log stderr crit;
events {{ worker_connections 8192; }}
http {{
  access_log off; keepalive_requests 1000000000; keepalive_timeout 3600s;
  client_max_body_size 16m; client_body_buffer_size 8m;
  proxy_http_version 1.1; proxy_set_header Connection ""; proxy_buffers 8 16k;
  {upstreams}
  split_clients $request_id $live {{ {green}% green; * blue; }}
  split_clients copy$request_id $copied {{ {mirror}% yes; * no; }}
  server {{
    listen 127.0.0.1:{port} backlog=4096;
    location / {{
      if ($copied = yes) {{ rewrite ^ /mirrored$uri last; }}
      proxy_pass http://$live;
    }}
    location /mirrored/ {{
      internal; mirror /copy; mirror_request_body on;
      proxy_pass http://$live;
    }}
    location = /copy {{ internal; proxy_pass http://shadow; }}
  }}
}}
"""
_UPSTREAM = (
    "upstream {name} {{ server 127.0.0.1:{port};"
    " keepalive 512; keepalive_requests 1000000000; keepalive_timeout 3600s; }}\n"
)


@contextlib.contextmanager
def nginx(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:
    """One worker process on the router's core."""
    binary, port = debian("nginx"), free_port()
    config = folder / "nginx.conf"
    config.write_text(
        _CONFIG.format(
            folder=folder,
            port=port,
            upstreams="".join(_UPSTREAM.format(name=n, port=p) for n, p in upstreams.items()),
            green=LIVE_PERCENT["green"],
            mirror=MIRROR_PERCENT,
        )
    )
    with running([binary, "-p", folder, "-c", config], folder, core=ROUTER_CORE) as process:
        await_port(port, process, folder)
        pids = (process.pid, *(worker.pid for worker in descendants(process.pid)))
        yield Router("nginx", version_of(binary, "-v"), f"http://127.0.0.1:{port}{PATH}", pids)
