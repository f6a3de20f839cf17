"""A worker process as the control plane sees it: its command line, its control socket, its end."""

import asyncio
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from router.core.routing import DeploymentRoute, EndpointRoute, InstanceRoute, Routing
from router.core.worker_protocol import (
    LENGTH_BYTES,
    Applied,
    Apply,
    AwaitDrained,
    Command,
    CommandFrame,
    Counted,
    Drained,
    GetStatistics,
    Reply,
    Stop,
    Stopping,
    decode_reply,
    encode_frame,
)
from tests.data_plane.scripted import KEY, ScriptedInstance, echo
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest

WAIT_S = 30


class WorkerProcess:
    """A running `python -m router.data_plane`."""

    def __init__(self, folder: Path) -> None:
        self.listener = socket.socket()
        self.listener.bind(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.socket = folder / "w0.sock"
        command = [sys.executable, "-P", "-m", "router.data_plane", "--socket", str(self.socket)]
        command += ["--listener", str(self.listener.fileno())]
        command += ["--limits", '{"max_payload_bytes": 100000}', "--worker", "0", "--workers", "2"]
        command += ["--budgets", str(folder / "budgets")]
        self.process = subprocess.Popen(
            command, stderr=subprocess.PIPE, pass_fds=[self.listener.fileno()]
        )

    async def exit_status(self) -> int:
        return await asyncio.wait_for(asyncio.to_thread(self.process.wait), WAIT_S)

    def end(self) -> None:
        self.listener.close()
        self.process.kill()
        self.process.wait()
        assert self.process.stderr is not None
        self.process.stderr.close()


class Link:
    """A connection to the worker's control socket."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self.writer = writer
        self._number = 0

    async def call(self, command: Command) -> Reply:
        self._number += 1
        self.writer.write(encode_frame(CommandFrame(self._number, command)))
        async with asyncio.timeout(WAIT_S):
            length = int.from_bytes(await self._reader.readexactly(LENGTH_BYTES), "big")
            frame = decode_reply(await self._reader.readexactly(length))
        assert frame.number == self._number
        return frame.body


@asynccontextmanager
async def link(worker: WorkerProcess) -> AsyncIterator[Link]:
    async with asyncio.timeout(WAIT_S):
        while True:
            try:
                reader, writer = await asyncio.open_unix_connection(worker.socket)
            except OSError:
                assert worker.process.poll() is None, "the worker ended"
                await asyncio.sleep(0)
            else:
                break
    yield Link(reader, writer)
    writer.close()
    await writer.wait_closed()


@pytest.fixture
def worker_process(folder: Path) -> Iterator[WorkerProcess]:
    process = WorkerProcess(folder)
    yield process
    process.end()


@pytest.fixture
async def blue_instance(folder: Path) -> AsyncIterator[ScriptedInstance]:
    instance = ScriptedInstance(f"unix:{folder}/i0.sock", echo)
    await instance.start()
    yield instance
    await instance.stop()


def routing(generation: int, *instances: ScriptedInstance) -> Routing:
    blue = DeploymentRoute(
        name="blue",
        request_timeout_ms=5000,
        max_concurrent_requests_per_instance=100,
        instance_count=1,
        instances=tuple(InstanceRoute(id="i0", target=i.target) for i in instances),
    )
    endpoint = EndpointRoute(
        name="my-endpoint", keys=(KEY,), deployments=(blue,), traffic={"blue": 100}
    )
    return Routing(generation=generation, endpoints=(endpoint,))


async def score(port: int) -> bytes:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /my-endpoint/score HTTP/1.1\r\nHost: x\r\nConnection: close\r\n"
        b"Authorization: Bearer %s\r\nContent-Length: 2\r\n\r\n{}" % KEY.encode()
    )
    response = await asyncio.wait_for(reader.read(), WAIT_S)
    writer.close()
    await writer.wait_closed()
    return response


async def test_it_opens_its_port_with_the_first_routing_and_answers_by_the_latest(
    worker_process: WorkerProcess, blue_instance: ScriptedInstance
) -> None:
    async with link(worker_process) as control:
        with pytest.raises(ConnectionRefusedError):
            await score(worker_process.port)
        assert await control.call(Apply(routing(7, blue_instance))) == Applied(7)
        assert (await score(worker_process.port)).startswith(b"HTTP/1.1 200 OK\r\n")
        counted = await control.call(GetStatistics())
        assert isinstance(counted, Counted)
        assert (counted.statistics.generation, counted.statistics.answered) == (7, 1)
        assert await control.call(Apply(Routing(generation=8))) == Applied(8)
        assert (await score(worker_process.port)).startswith(b"HTTP/1.1 401 ")
        assert await control.call(AwaitDrained(("i0",), 10_000)) == Drained(())
        assert await control.call(Stop(1000)) == Stopping()
        assert await worker_process.exit_status() == 0
    assert worker_process.process.stderr is not None
    assert worker_process.process.stderr.read() == b"", "a clean end has nothing to say"


async def test_it_serves_on_when_the_control_plane_is_gone_and_listens_to_the_next(
    worker_process: WorkerProcess, blue_instance: ScriptedInstance
) -> None:
    async with link(worker_process) as control:
        await control.call(Apply(routing(1, blue_instance)))
    assert b" 200 " in await score(worker_process.port)
    async with link(worker_process) as control:
        assert isinstance(await control.call(GetStatistics()), Counted)


async def test_bytes_that_are_no_command_end_the_connection_and_not_the_worker(
    worker_process: WorkerProcess, blue_instance: ScriptedInstance
) -> None:
    async with link(worker_process) as control:
        control.writer.write((5).to_bytes(LENGTH_BYTES, "big") + b"hello")
        assert await asyncio.wait_for(control._reader.read(), WAIT_S) == b""
    async with link(worker_process) as control:
        control.writer.write((2**31).to_bytes(LENGTH_BYTES, "big"))
        assert await asyncio.wait_for(control._reader.read(), WAIT_S) == b""
    async with link(worker_process) as control:
        assert await control.call(Apply(routing(1, blue_instance))) == Applied(1)


async def test_sigterm_drains_and_exits_0(
    worker_process: WorkerProcess, blue_instance: ScriptedInstance
) -> None:
    taken, release = asyncio.Event(), asyncio.Event()

    async def held(request: ScoreRequest) -> ScoreAnswer:
        taken.set()
        await release.wait()
        return await echo(request)

    blue_instance.behave = held
    async with link(worker_process) as control:
        await control.call(Apply(routing(1, blue_instance)))
        response = asyncio.create_task(score(worker_process.port))
        await asyncio.wait_for(taken.wait(), WAIT_S)
        worker_process.process.send_signal(signal.SIGTERM)
        release.set()
        assert b" 200 " in await response
    assert await worker_process.exit_status() == 0
