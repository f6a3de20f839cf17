"""`python -m runtime.child`: one of an instance's WORKER_COUNT processes.

The instance starts it and talks to it through an inherited socket, with frames.py's
messages; when the socket or the instance ends, so does the process. The first byte that it
sends says that the script is ready, and whether it wants headers.
"""

import asyncio
import ctypes
import signal
import socket
from functools import partial

import click

from runtime import columns, frames, process
from runtime.executor import Executor
from runtime.process import source_options
from runtime.script import Source
from runtime.sink import Sink
from turnout.scoring.v1.scoring_pb2 import RequestBatch

# prctl(2): the signal that we get when the thread that started us ends, the instance's main one.
_PR_SET_PDEATHSIG = 1
READY, READY_WITH_HEADERS = b"0", b"1"


@click.command()
@click.option("--channel", type=int, required=True, help="File descriptor of the socket.")
@source_options
def main(channel: int, source: Source) -> None:
    """Serves the instance that started it, until that is gone."""
    # The channel's end is not seen while native code keeps every other thread waiting.
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    # A terminal's Ctrl-C reaches the whole group; when to end is the instance's to say.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    process.prepare(source)
    signals = process.watch_signals()
    executor = Executor(partial(process.load_app, source))
    serve = partial(_serve, executor, socket.socket(fileno=channel), signals)
    process.host(executor.work, serve)


async def _serve(executor: Executor, channel: socket.socket, signals: socket.socket) -> int:
    asyncio.get_running_loop().add_reader(signals, _on_signal, signals, executor)
    reader, writer = await asyncio.open_connection(sock=channel)
    gone = asyncio.create_task(_read(reader, executor, sink := Sink()))
    started = asyncio.create_task(executor.start())
    await asyncio.wait([gone, started], return_when=asyncio.FIRST_COMPLETED)
    if gone.done():
        return 0
    writer.write(READY_WITH_HEADERS if started.result() else READY)
    answering = asyncio.create_task(_write(writer, sink))
    await asyncio.wait([gone, answering], return_when=asyncio.FIRST_COMPLETED)
    return 0


def _on_signal(signals: socket.socket, executor: Executor) -> None:
    signals.recv(64)
    executor.notice_signal()


async def _read(reader: asyncio.StreamReader, executor: Executor, sink: Sink) -> None:
    try:
        while True:
            batch = RequestBatch.FromString(await frames.read(reader))
            executor.submit(batch.requests, sink)
            executor.steer(batch.flows, sink)
    except (asyncio.IncompleteReadError, ConnectionError):
        return


async def _write(writer: asyncio.StreamWriter, sink: Sink) -> None:
    try:
        while True:
            answers = await sink.take()
            frames.write(writer, columns.batch_of(answers))
            await writer.drain()
    except ConnectionError:
        return


if __name__ == "__main__":
    main()
