"""The traffic log: Azure's columns, one line a request, whatever became of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from router.core.routing import EndpointQuota
from router.data_plane.traffic_log import FILE_BYTES_MAX, OLD_FILES, TrafficLog
from tests.data_plane.scripted import Worker, echo, running
from tests.data_plane.test_throttle import RATE, ask, request
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

WAIT_S = 20


@pytest.fixture
async def logging(folder: Path, tmp_path: Path) -> AsyncIterator[Worker]:
    """A worker with a log, whose endpoint has one deployment."""
    async with running(folder) as worker:
        worker.listener.traffic_log = TrafficLog(tmp_path / "traffic.jsonl")
        await worker.add_instance("blue-1")
        await worker.route({"blue": ["blue-1"]}, {"blue": 100})
        yield worker


async def lines(worker: Worker, tmp_path: Path) -> list[dict[str, Any]]:
    """Everything so far."""
    assert worker.listener.traffic_log is not None
    await worker.listener.traffic_log.close()
    return [json.loads(line) for line in (tmp_path / "traffic.jsonl").read_text().splitlines()]


def sizes_in(folder: Path) -> dict[str, int]:
    return {one.name: one.stat().st_size for one in folder.iterdir()}


async def test_a_request_is_a_line_with_azures_columns(logging: Worker, tmp_path: Path) -> None:
    headers = f"User-Agent: {'x' * 80}\r\nx-ms-client-request-id: mine\r\n"
    head, _, _ = await ask(logging, request(b"12345", headers))
    (line,) = await lines(logging, tmp_path)
    durations = {name: line.pop(name) for name in list(line) if name.endswith("DurationMs")}
    assert line.pop("TimeGenerated")
    assert line == {
        "Method": "POST",
        "Path": "/my-endpoint/score",
        "EndpointName": "my-endpoint",
        "DeploymentName": "blue",
        "Protocol": "HTTP/1.1",
        "ResponseCode": 200,
        "ResponseCodeReason": "OK",
        "ModelStatusCode": 200,
        "ModelStatusReason": "",
        "RequestPayloadSize": 5,
        "ResponsePayloadSize": 5,
        "UserAgent": "x" * 70,
        "XRequestId": head["x-request-id"],
        "XMSClientRequestId": "mine",
        "RequestThrottlingDelayMs": 0,
        "ResponseThrottlingDelayMs": 0,
    }
    assert 0 <= durations["RequestDurationMs"] <= durations["ResponseDurationMs"]
    assert durations["ResponseDurationMs"] <= durations["TotalDurationMs"]


async def test_the_throttles_delays_are_those_of_the_trailers(
    logging: Worker, tmp_path: Path
) -> None:
    quota = EndpointQuota(bandwidth_bytes_per_s=RATE)
    await logging.route({"blue": ["blue-1"]}, {"blue": 100}, quota=quota)
    told = [(await ask(logging, request(bytes(700_000))))[2] for _ in range(2)]
    logged = await lines(logging, tmp_path)
    for line, trailers in zip(logged, told, strict=True):
        for direction in ("request", "response"):
            delay_ms = line[f"{direction.capitalize()}ThrottlingDelayMs"]
            assert round(delay_ms) == int(trailers[f"ms-azureml-bandwidth-{direction}-delay-ms"])
    assert logged[0]["ResponseThrottlingDelayMs"] > 0
    assert logged[1]["RequestThrottlingDelayMs"] > 0
    assert [line["ResponsePayloadSize"] >= 700_000 for line in logged] == [True, True]


async def test_refusals_and_the_models_errors_are_lines_too(
    logging: Worker, tmp_path: Path
) -> None:
    async def fails(asked: ScoreRequest) -> ScoreAnswer:
        answer = await echo(asked)
        answer.status = 418
        return answer

    logging.instances["blue-1"].behave = fails
    await ask(logging, request(b"{}"))
    await ask(logging, request(b"{}", "azureml-model-deployment: missing\r\n"))
    await ask(logging, request(b"{}", path="nobody"))
    found = [
        [line[name] for name in ("ResponseCode", "ModelStatusCode", "ModelStatusReason")]
        + [line["EndpointName"], line["DeploymentName"]]
        for line in await lines(logging, tmp_path)
    ]
    assert found == [
        [424, 418, "model_error", "my-endpoint", "blue"],
        [404, None, "", "my-endpoint", ""],
        [401, None, "", "nobody", ""],
    ]


async def test_a_client_that_has_not_waited_is_a_499(logging: Worker, tmp_path: Path) -> None:
    reached, gate = asyncio.Event(), asyncio.Event()

    async def waits(asked: ScoreRequest) -> ScoreAnswer:
        reached.set()
        await gate.wait()
        return await echo(asked)

    logging.instances["blue-1"].behave = waits
    _, writer = await asyncio.open_connection("127.0.0.1", logging.port)
    writer.write(request(b"{}"))
    async with asyncio.timeout(WAIT_S):
        await reached.wait()
        writer.close()
        while logging.listener.connections:
            await asyncio.sleep(0.001)
    gate.set()
    (line,) = await lines(logging, tmp_path)
    assert (line["ResponseCode"], line["ModelStatusCode"]) == (499, None)


async def test_lines_that_cannot_be_written_are_counted_and_hold_up_nobody(
    logging: Worker, tmp_path: Path
) -> None:
    log = logging.listener.traffic_log = TrafficLog(tmp_path / "missing" / "traffic.jsonl")
    for _ in range(3):
        assert (await ask(logging, request(b"{}")))[1] == b"{}"
    await log.close()
    assert log.lost == 3


async def test_a_large_file_is_put_aside_and_the_oldest_let_go(
    logging: Worker, tmp_path: Path
) -> None:
    log = logging.listener.traffic_log
    assert log is not None
    path = tmp_path / "traffic.jsonl"
    for number in range(OLD_FILES + 3):
        with path.open("ab") as file:
            # Sparse: it takes no room.
            file.truncate(FILE_BYTES_MAX + 1 + number)
        await ask(logging, request(b"{}"))
        await log.close()
    sizes = sizes_in(tmp_path)
    assert sizes.pop("traffic.jsonl") < 1000
    assert sizes == {
        f"traffic.jsonl.{n}": FILE_BYTES_MAX + 1 + OLD_FILES + 3 - n
        for n in range(1, OLD_FILES + 1)
    }
