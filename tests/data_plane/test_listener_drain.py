"""A listener that drains: what was taken is answered, and nobody is cut who may still ask."""

import asyncio
import socket

import pytest

from tests.data_plane.scripted import Worker, echo
from tests.data_plane.test_listener import WAIT_S, Client, request
from turnout.scoring.v1.scoring_pb2 import ScoreAnswer, ScoreRequest


async def test_draining_answers_what_was_taken_and_accepts_nothing_new(worker: Worker) -> None:
    taken, release = asyncio.Event(), asyncio.Event()

    async def held(asked: ScoreRequest) -> ScoreAnswer:
        taken.set()
        await release.wait()
        return await echo(asked)

    await worker.add_instance("blue-0", held)
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    client, idle = await Client.connect(worker), await Client.connect(worker)
    client.send(request(b"kept"))
    await asyncio.wait_for(taken.wait(), WAIT_S)
    drained = asyncio.create_task(worker.listener.drain(WAIT_S))
    assert await idle.at_end()
    with pytest.raises(OSError):  # noqa: PT011 - refused or reset, by the kernel's taste
        await Client.connect(worker)
    release.set()
    status, headers, body = await client.response()
    assert (status, headers.get("connection"), body) == (200, "close", b"kept")
    assert await asyncio.wait_for(drained, WAIT_S) == 0
    await client.close()
    await idle.close()


async def test_a_client_that_was_idle_gets_one_more_answer_which_says_that_it_is_the_last(
    blue: Worker,
) -> None:
    client = await Client.connect(blue)
    client.send(request(b"first"))
    assert (await client.response())[1].get("connection") != "close"
    drained = asyncio.create_task(blue.listener.drain(WAIT_S, idle_grace_s=WAIT_S))
    while not blue.listener.draining:
        await asyncio.sleep(0)
    client.send(request(b"second"))
    status, headers, body = await client.response()
    assert (status, headers.get("connection"), body) == (200, "close", b"second")
    assert await asyncio.wait_for(drained, WAIT_S) == 0
    await client.close()


async def test_a_connection_that_waits_to_be_accepted_when_the_drain_begins_is_served(
    blue: Worker,
) -> None:
    # In one turn of the loop: the kernel has accepted them, the listener has not.
    waiting = [socket.create_connection(("127.0.0.1", blue.port)) for _ in range(50)]
    drained = asyncio.create_task(blue.listener.drain(WAIT_S, idle_grace_s=WAIT_S))
    for number, sock in enumerate(waiting):
        sock.sendall(request(b"%d" % number, headers="Connection: close\r\n"))
        sock.settimeout(WAIT_S)
    for number, sock in enumerate(waiting):
        with sock, sock.makefile("rb") as file:
            answer = await asyncio.to_thread(file.read)
        assert answer.startswith(b"HTTP/1.1 200 ")
        assert answer.endswith(b"%d" % number)
    assert await asyncio.wait_for(drained, WAIT_S) == 0


async def test_who_still_waits_when_the_time_is_over_is_told_that_the_router_ends(
    worker: Worker,
) -> None:
    taken = asyncio.Event()

    async def never(asked: ScoreRequest) -> ScoreAnswer:
        taken.set()
        await asyncio.Event().wait()
        return await echo(asked)

    await worker.add_instance("blue-0", never)
    await worker.route({"blue": ["blue-0"]}, {"blue": 100})
    waits, half = await Client.connect(worker), await Client.connect(worker)
    half.send(request(b"whole")[:-1])
    waits.send(request(b"{}"))
    await asyncio.wait_for(taken.wait(), WAIT_S)
    assert await worker.listener.drain(0) == 2
    assert await half.at_end(), "it was not taken"
    await worker.engine.close()
    await worker.listener.close()
    status, headers, body = await waits.response()
    assert (status, headers["connection"]) == (503, "close")
    assert b'"Stopping"' in body
    assert await waits.at_end()
    await waits.close()
    await half.close()
