"""The pure parts: sums of counters, the routing of what is declared, ends of logs, ports."""

import socket
from pathlib import Path

import pytest
from msgspec.structs import replace

from router.control_plane.counts import sum_of_workers
from router.control_plane.logs import last_lines
from router.control_plane.operations import Operation, Operations
from router.control_plane.ports import address_of, base_url, reserve_port
from router.control_plane.records import Serving, declared_deployment, declared_endpoint
from router.control_plane.routing_of import Placed, routing_of
from router.control_plane.store import IN_MEMORY, Store
from router.core.deployment_spec import CodeConfiguration, DeploymentSpec, RequestSettings
from router.core.endpoint_spec import EndpointSpec
from router.core.errors import Conflict, ResourceNotFound, TurnoutError
from router.core.quota_settings import QuotaSettings, quotas_of
from router.core.routing import EndpointQuota, InstanceRoute
from router.core.statistics import (
    DeploymentStatistics,
    EndpointStatistics,
    InstanceStatistics,
    WorkerStatistics,
    sum_of_instances,
)

QUOTA_OF = quotas_of(QuotaSettings())


def deployment_counts(name: str, live: int) -> DeploymentStatistics:
    return DeploymentStatistics(
        name=name, live=live, direct=1, copies=0, copies_lost=0,
        answered=live + 1, failed=0, queued=0, outstanding=0,
    )  # fmt: skip


def worker_counts(generation: int, **live: int) -> WorkerStatistics:
    endpoint = EndpointStatistics(
        name="e",
        scheduled=sum(live.values()),
        mirror_considered=0,
        refused=2,
        request_bytes=100,
        response_bytes=10,
        copy_bytes=1,
        delayed=0,
        request_delay_ns=0,
        response_delay_ns=0,
        deployments=tuple(deployment_counts(name, count) for name, count in live.items()),
    )
    return WorkerStatistics(
        generation=generation, accepted=10, answered=9, in_flight=1, endpoints=(endpoint,)
    )


def test_counters_of_workers_add_up_by_name() -> None:
    total = sum_of_workers([worker_counts(4, blue=3), worker_counts(3, blue=5, green=1)])
    assert (total.generation, total.accepted, total.answered, total.in_flight) == (3, 20, 18, 2)
    (endpoint,) = total.endpoints
    assert (endpoint.request_bytes, endpoint.response_bytes, endpoint.copy_bytes) == (200, 20, 2)
    assert (endpoint.scheduled, endpoint.refused) == (9, 4)
    assert [(d.name, d.live, d.direct) for d in endpoint.deployments] == [
        ("blue", 8, 2),
        ("green", 1, 1),
    ]


def test_no_workers_have_counted_nothing() -> None:
    assert sum_of_workers([]).endpoints == ()


OLD = DeploymentSpec(
    name="blue",
    endpoint_name="e",
    code_configuration=CodeConfiguration(code="/code", scoring_script="score.py"),
    request_settings=RequestSettings(request_timeout_ms=1000),
    environment_variables={"WORKER_COUNT": "4"},
    instance_count=2,
)
ROUTE = InstanceRoute(id="i1", target="unix:/i1.sock")


def test_the_routing_follows_what_serves_not_what_is_still_being_brought_up() -> None:
    spec = EndpointSpec(name="e", traffic={"blue": 100, "green": 0})
    endpoint = declared_endpoint(spec, None)
    new = replace(OLD, request_settings=RequestSettings(request_timeout_ms=2000))
    deployment = replace(
        declared_deployment(new, None), serving=Serving(spec=OLD, revision=1), state="Updating"
    )
    routing = routing_of(
        5, [(endpoint, [deployment])], {("e", "blue"): Placed(3, (ROUTE,))}, QUOTA_OF
    )
    assert routing.generation == 5
    (routed,) = routing.endpoints
    assert routed.traffic == {"blue": 100}
    assert routed.keys == (endpoint.primary_key, endpoint.secondary_key)
    (blue,) = routed.deployments
    assert (blue.request_timeout_ms, blue.instance_count, blue.parallel_runs) == (1000, 3, 4)
    assert blue.instances == (ROUTE,)
    assert routed.quota == EndpointQuota(bandwidth_bytes_per_s=5_000_000), "azure.md 4.5"


def test_what_is_being_deleted_is_in_no_routing() -> None:
    endpoint = declared_endpoint(EndpointSpec(name="e"), None)
    deployment = replace(declared_deployment(OLD, None), state="Deleting")
    (routed,) = routing_of(1, [(endpoint, [deployment])], {}, QUOTA_OF).endpoints
    assert routed.deployments == ()
    assert routing_of(1, [(replace(endpoint, state="Deleting"), [])], {}, QUOTA_OF).endpoints == ()


def test_logs_of_several_instances_come_in_order_each_under_its_name(tmp_path: Path) -> None:
    assert last_lines(tmp_path, 2) == ""
    (tmp_path / "i2.log").write_text("a\nb\nc\n")
    assert last_lines(tmp_path, 2) == "b\nc\n"
    (tmp_path / "i10.log").write_text("d\n")
    expected = "==> instance i2 <==\nb\nc\n\n==> instance i10 <==\nd\n"
    assert last_lines(tmp_path, 2) == expected


def test_a_free_port_is_reserved_and_workers_may_still_listen_on_it() -> None:
    with reserve_port("127.0.0.1", 0, "data_plane") as reserved:
        host, port = address_of(reserved)
        assert base_url(host, port) == f"http://127.0.0.1:{port}"
        workers = [socket.socket() for _ in range(2)]
        for worker in workers:
            worker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            worker.bind((host, port))
            worker.listen()
        socket.create_connection((host, port)).close()
        with pytest.raises(TurnoutError, match=f"got 127.0.0.1:{port}"):
            reserve_port("127.0.0.1", port, "data_plane")
        for worker in workers:
            worker.close()


@pytest.mark.parametrize("host", ["no.such.host.invalid", "203.0.113.1"])
def test_an_address_that_is_not_ours_is_refused(host: str) -> None:
    with pytest.raises(TurnoutError, match=r"data_plane\.host"):
        reserve_port(host, 0, "data_plane")


def test_a_wildcard_is_reached_on_loopback() -> None:
    assert base_url("0.0.0.0", 80) == "http://127.0.0.1:80"
    assert base_url("::", 80) == "http://[::1]:80"


def test_an_endpoint_is_free_again_after_an_operation_failed() -> None:
    operations = Operations(Store.open(IN_MEMORY))
    failing = operations.exclusive("e", "Updating")
    failing.__enter__()
    with pytest.raises(Conflict):
        operations.exclusive("e", "Deleting").__enter__()
    error = ValueError("x")
    assert not failing.__exit__(ValueError, error, None)
    with operations.exclusive("e", "Updating"):
        pass


def test_an_unknown_operation_is_not_found() -> None:
    with pytest.raises(ResourceNotFound, match="'none'"):
        Operations(Store.open(IN_MEMORY)).get("none")


async def test_waiting_for_an_operation_ends_with_its_time_or_with_it() -> None:
    operation = Operation.new("Creating", "e", "blue")
    await operation.wait(0.001)
    states = [operation.status]
    operation.end(TurnoutError("broken"))
    await operation.wait(60)
    states.append(operation.status)
    assert states == ["Creating", "Failed"]
    with pytest.raises(TurnoutError, match="broken"):
        await operation.result()


def test_what_an_instance_owes_two_workers_is_counted_together_and_the_oldest_counts() -> None:
    one, other = (
        InstanceStatistics(id="i1", outstanding=2, overdue_ns=7),
        InstanceStatistics(id="i1", outstanding=1, overdue_ns=9),
    )
    alone = InstanceStatistics(id="i2", outstanding=4, overdue_ns=0)
    total = InstanceStatistics(id="i1", outstanding=3, overdue_ns=9)
    assert sum_of_instances([one, alone, other]) == [total, alone]
