"""The promises of the README, against a server that each test plays. They need only pytest."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from linkup_client import ConnectionRefused, Message, SendFailed, Timing, connect
from server import NOW, Server, ack, receive, running, send

QUICK = Timing(shortest=0.01, first=0.05, longest=0.2)


def play(scene: Callable[[Server], Awaitable[Any]]) -> None:
    async def whole() -> None:
        async with asyncio.timeout(30), running() as server:
            await scene(server)

    asyncio.run(whole())


def test_a_message_is_sent_again_until_its_ack() -> None:
    async def scene(server: Server) -> None:
        accepting = asyncio.create_task(server.accept())
        async with connect(server.url, "token", timing=QUICK) as ann:
            socket, _ = await accepting
            sending = asyncio.create_task(ann.send("hi", to="bob"))
            first = await receive(socket, "message")
            socket.transport.abort()
            socket, _ = await server.accept()
            again = await receive(socket, "message")
            assert again == first
            await ack(socket, again, 7, duplicate=True)
            assert (await sending).seq == 7
            assert ann.pending == 0

    play(scene)


def test_a_refused_message_raises() -> None:
    async def scene(server: Server) -> None:
        accepting = asyncio.create_task(server.accept())
        async with connect(server.url, "token", timing=QUICK) as ann:
            socket, _ = await accepting
            sending = asyncio.create_task(ann.send("hi", to="nobody"))
            message = await receive(socket, "message")
            refusal = {"code": "not_found", "message": "no", "temporary": False}
            await send(socket, "error", **refusal, client_id=message["client_id"])
            with pytest.raises(SendFailed) as failure:
                await sending
            assert failure.value.advice.text

    play(scene)


def test_events_come_in_order_and_once_and_a_resume_begins_behind_them() -> None:
    def message(cursor: int) -> dict[str, Any]:
        ids = {"message_id": cursor, "seq": cursor, "client_id": f"b{cursor}"}
        place = {"conversation_id": "d1", "sender_id": "bob", "version": 1, "cursor": cursor}
        return {**ids, **place, "content": str(cursor), "created_at": NOW, "updated_at": NOW}

    async def scene(server: Server) -> None:
        accepting = asyncio.create_task(server.accept())
        async with connect(server.url, "token", timing=QUICK) as ann:
            socket, hello = await accepting
            assert hello["token"] == "token"
            for cursor in (1, 2, 2):
                await send(socket, "message", **message(cursor))
            heard = [await anext(ann), await anext(ann)]
            await socket.close(1012)
            socket, hello = await server.accept(cursor=2)
            assert (hello["epoch"], hello["cursor"]) == ("e1", 2)
            await send(socket, "message", **message(3))
            heard.append(await anext(ann))
            assert [event.content for event in heard if isinstance(event, Message)] == list("123")
            assert (ann.epoch, ann.cursor) == ("e1", 3)

    play(scene)


def test_a_refused_token_ends_the_client() -> None:
    async def scene(server: Server) -> None:
        async def refuse() -> None:
            await (await server.sockets.get()).close(4401, "expired")

        refusing = asyncio.create_task(refuse())
        with pytest.raises(ConnectionRefused) as refusal:
            async with connect(server.url, "token", timing=QUICK):
                pass
        await refusing
        assert refusal.value.code == 4401

    play(scene)
