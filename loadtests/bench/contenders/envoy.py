"""Envoy: weighted_clusters, and request_mirror_policies for a tenth."""

import contextlib
import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from loadtests.bench.contenders import Router
from loadtests.bench.processes import await_port, free_port, running
from loadtests.bench.tools import environment, version_of
from loadtests.bench.work import LIVE_PERCENT, MIRROR_PERCENT, PATH, ROUTER_CORE

_TYPES = "type.googleapis.com/envoy.extensions.filters"


def binary() -> Path:
    """The executable itself, without the package's starter before it."""
    return next(environment("proxies").glob("lib/python*/site-packages/envoy/_bin/envoy"))


def split_and_mirror() -> dict[str, Any]:
    """The work's route."""
    weighted = [{"name": name, "weight": weight} for name, weight in LIVE_PERCENT.items()]
    fraction = {"numerator": MIRROR_PERCENT, "denominator": "HUNDRED"}
    return {
        "weighted_clusters": {"clusters": weighted},
        "request_mirror_policies": [
            {"cluster": "shadow", "runtime_fraction": {"default_value": fraction}}
        ],
        "timeout": "60s",
    }


def config(port: int, upstreams: Mapping[str, int], route: Mapping[str, Any]) -> dict[str, Any]:
    """A static configuration of one listener and a cluster for each upstream."""
    manager = {
        "@type": f"{_TYPES}.network.http_connection_manager.v3.HttpConnectionManager",
        "stat_prefix": "bench",
        "route_config": {
            "virtual_hosts": [
                {"name": "all", "domains": ["*"],
                 "routes": [{"match": {"prefix": "/"}, "route": route}]}
            ]
        },
        "http_filters": [
            {"name": "router", "typed_config": {"@type": f"{_TYPES}.http.router.v3.Router"}}
        ],
    }  # fmt: skip
    chain = {"filters": [{"name": "http", "typed_config": manager}]}
    listener = {"address": _address(port), "filter_chains": [chain]}
    return {
        "static_resources": {
            "listeners": [listener],
            "clusters": [_cluster(name, upstreams[name]) for name in upstreams],
        }
    }


@contextlib.contextmanager
def envoy(folder: Path, upstreams: Mapping[str, int]) -> Iterator[Router]:
    """One worker thread; all of its threads are on the router's core."""
    with _running(folder, upstreams, split_and_mirror()) as router:
        yield router


@contextlib.contextmanager
def envoy_to(folder: Path, upstream: int) -> Iterator[Router]:
    """In front of one port, with nothing to decide."""
    with _running(folder, {"all": upstream}, {"cluster": "all", "timeout": "60s"}) as router:
        yield router


@contextlib.contextmanager
def _running(
    folder: Path, upstreams: Mapping[str, int], route: Mapping[str, Any]
) -> Iterator[Router]:
    port, path = free_port(), folder / "envoy.json"
    path.write_text(json.dumps(config(port, upstreams, route)))
    command = [str(binary()), "-c", str(path), "--concurrency", "1", "--use-dynamic-base-id"]
    command += ["--log-level", "warning"]
    with running(command, folder, core=ROUTER_CORE) as process:
        await_port(port, process, folder)
        said = version_of(binary(), "--version").rpartition("version: ")[2]
        url = f"http://127.0.0.1:{port}{PATH}"
        yield Router("Envoy", f"envoy {said}", url, (process.pid,))


def _address(port: int) -> dict[str, Any]:
    return {"socket_address": {"address": "127.0.0.1", "port_value": port}}


def _cluster(name: str, port: int) -> dict[str, Any]:
    most = 100_000
    limits = {
        "max_connections": most, "max_pending_requests": most, "max_requests": most,
    }  # fmt: skip
    endpoint = {"endpoint": {"address": _address(port)}}
    return {
        "name": name,
        "type": "STATIC",
        "connect_timeout": "5s",
        "circuit_breakers": {"thresholds": [limits]},
        "load_assignment": {"cluster_name": name, "endpoints": [{"lb_endpoints": [endpoint]}]},
    }
