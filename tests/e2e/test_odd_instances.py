"""Instances that answer garbage, another's ids or too much: told, counted, no trouble of others."""

from collections.abc import Callable
from pathlib import Path

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from runtime.answers import ANSWER_BYTES_MAX
from tests.e2e.harness import Daemon
from tests.e2e.raw_load import RawLoad, declare, uri_and_key

DEPLOYMENT = """
name: odd
endpoint_name: my-endpoint
code_configuration: {code: odd/, scoring_script: score.py}
request_settings: {max_concurrent_requests_per_instance: 10, request_timeout_ms: 1500}
"""
# Each answer has an id that no request had.
OTHER_IDS = """
from runtime import columns
def init():
    real = columns.batch_of
    def garbled(answers):
        for answer in answers:
            answer.id ^= 1 << 40
        return real(answers)
    columns.batch_of = garbled
def run(raw): return raw
"""
# Becomes another program, which says that it is healthy and sends no protobuf.
NO_PROTOBUF = """
import os, pathlib, sys
def init():
    program = str(pathlib.Path(__file__).parent / 'program.py')
    target = sys.argv[sys.argv.index('--target') + 1]
    os.execv(sys.executable, [sys.executable, program, target])
def run(raw): return raw
"""
PROGRAM = """
import sys
from concurrent.futures import ThreadPoolExecutor
import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc
SERVICE = 'turnout.scoring.v1.Scoring'
def stream(requests, context):
    context.send_initial_metadata(())
    for _ in requests:
        yield b'\\xff\\xfe no protobuf'
server = grpc.server(ThreadPoolExecutor(10))
healthy = health.HealthServicer()
for name in ('', SERVICE):
    healthy.set(name, health_pb2.HealthCheckResponse.SERVING)
health_pb2_grpc.add_HealthServicer_to_server(healthy, server)
handler = grpc.stream_stream_rpc_method_handler(stream)
server.add_generic_rpc_handlers(
    (grpc.method_handlers_generic_handler(SERVICE, {'Stream': handler}),)
)
server.add_insecure_port(sys.argv[1])
server.start()
server.wait_for_termination()
"""
TOO_LARGE = f"""
from azureml.contrib.services.aml_response import AMLResponse
def init(): pass
def run(raw): return AMLResponse(b'x' * {ANSWER_BYTES_MAX + 1}, 200)
"""


def declare_both(folder: Path, script: str) -> str:
    """Blue, which has all traffic, and one that answers oddly."""
    declared = declare(folder)
    (folder / "odd").mkdir()
    (folder / "odd/score.py").write_text(script)
    (folder / "odd/program.py").write_text(PROGRAM)
    (folder / "odd.yml").write_text(DEPLOYMENT)
    return declared.replace("blue.yml]", f"blue.yml, {folder}/odd.yml]")


async def counted(
    session: aiohttp.ClientSession, daemon: Daemon, **labels: str
) -> dict[str, float]:
    """The counters that have these labels, by their names."""
    async with session.get(f"{daemon.url}/metrics") as response:
        families = text_string_to_metric_families(await response.text())
    return {
        sample.name.removeprefix("turnout_"): sample.value
        for family in families
        for sample in family.samples
        if sample.labels.items() >= labels.items()
    }


@pytest.mark.parametrize(
    ("script", "status", "said", "unexpected", "broken"),
    [
        (OTHER_IDS, 408, "deployment 'odd' gave no answer within", 1, 0),
        # Sent to it once more, and lost there again.
        (NO_PROTOBUF, 424, "the instance of deployment 'odd' that had this request ended", 0, 2),
        (TOO_LARGE, 424, f"expected an answer of at most {ANSWER_BYTES_MAX} bytes, got", 0, 0),
    ],
    ids=["another's ids", "no protobuf", "too large"],
)
async def test_a_request_of_an_odd_instance_fails_alone_and_is_counted(
    daemon_with: Callable[..., Daemon],
    tmp_path: Path,
    script: str,
    status: int,
    said: str,
    unexpected: int,
    broken: int,
) -> None:
    daemon = daemon_with(declare_both(tmp_path, script), data_plane=", workers: 1")
    uri, key = await uri_and_key(daemon)
    named = {"azureml-model-deployment": "odd", "Authorization": f"Bearer {key}"}
    load = RawLoad(uri, key)
    async with aiohttp.ClientSession() as session, load.running():
        before = await counted(session, daemon, worker="0")
        async with session.post(uri, data=b"1", headers=named) as response:
            assert (response.status, said in await response.text()) == (status, True)
        await load.some_more(200)
        after = await counted(session, daemon, worker="0")
        odd = await counted(session, daemon, worker="0", deployment="odd")
        blue = await counted(session, daemon, worker="0", deployment="blue")
    assert load.failed == []
    for name, count in (("unexpected_answers", unexpected), ("broken_streams", broken)):
        assert after[f"{name}_total"] - before[f"{name}_total"] == count
    assert [odd[f"{what}_requests_total"] for what in ("answered", "failed")] == [1, 1]
    assert blue["failed_requests_total"] == 0


async def test_who_wrote_the_script_reads_in_its_log_that_an_answer_was_too_large(
    daemon_with: Callable[..., Daemon], tmp_path: Path
) -> None:
    daemon = daemon_with(declare_both(tmp_path, TOO_LARGE), data_plane=", workers: 1")
    uri, key = await uri_and_key(daemon)
    headers = {"azureml-model-deployment": "odd", "Authorization": f"Bearer {key}"}
    async with (
        aiohttp.ClientSession(headers=headers) as session,
        session.post(uri, data=b"1") as response,
    ):
        assert response.headers["ms-azureml-model-error-statuscode"] == "500"
    log = await daemon.run("online-deployment", "get-logs", "-n", "odd", "-e", "my-endpoint")
    assert f"got {ANSWER_BYTES_MAX + 1}. Return less, or stream it" in log
