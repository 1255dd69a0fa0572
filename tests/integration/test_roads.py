"""Tests the Python client where WebSockets are blocked: messages go and come over HTTP."""

import asyncio

import pytest
from linkup_client import Client, ConnectionRefused, Message, Receipt, connect
from linkup_client.backoff import Timing

from tests.support.blocker import Blocker, run_blocker
from tests.support.stack import Stack
from tests.support.traffic import newcomers
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="session")

QUICK = Timing(shortest=0.01, first=0.1, longest=0.5, patience=0.1, poll_every=0.1)


class Talk:
    """Two clients that write to each other, and what each of them was told."""

    def __init__(self, clients: dict[str, Client]) -> None:
        self.clients = clients
        self.sending: dict[str, list[asyncio.Task[object]]] = {name: [] for name in clients}
        self.heard: dict[str, list[str]] = {name: [] for name in clients}

    def write(self, times: int) -> None:
        """Each to the other; they are on their way when this returns."""
        one, other = self.clients
        for name, peer in ((one, other), (other, one)):
            for _ in range(times):
                content = str(len(self.sending[name]))
                message = self.clients[name].send(content, to=peer)
                self.sending[name].append(asyncio.create_task(message))

    async def listen(self, name: str) -> None:
        async for event in self.clients[name]:
            if isinstance(event, Message):
                self.heard[name].append(event.content)

    async def settled(self) -> None:
        """Wait until all messages are acknowledged and received."""
        acks = [await asyncio.gather(*tasks) for tasks in self.sending.values()]
        for mine in acks:
            seqs = [ack.seq for ack in mine]  # type: ignore[attr-defined]
            assert seqs == sorted(set(seqs))
        for name, tasks in zip(reversed(list(self.clients)), self.sending.values(), strict=True):
            heard = self.heard[name]
            await eventually(lambda: len(heard) >= len(tasks), 20)  # noqa: B023
            assert heard == [str(number) for number in range(len(tasks))]


def behind(blocker: Blocker, stack: Stack, user_id: str) -> Client:
    url = blocker.url.replace("http", "ws") + "/ws"
    return connect(url, stack.token(user_id), timing=QUICK)


async def receipt(client: Client) -> Receipt:
    while True:
        event = await anext(client)
        if isinstance(event, Receipt):
            return event


@pytest.mark.parametrize("status", [403, 404])
async def test_s62_none_is_lost_or_twice_through_changes_of_road(stack: Stack, status: int) -> None:
    one, other = await newcomers(stack, "roderick", "rowena")
    async with run_blocker(stack.url) as blocker, asyncio.TaskGroup() as listening:
        free = connect(stack.ws_url, stack.token(other))
        clients = {one: behind(blocker, stack, one), other: free}
        talk = Talk(clients)
        async with clients[one] as behind_it, free:
            tasks = [listening.create_task(talk.listen(name)) for name in clients]
            for _ in range(2):
                talk.write(10)
                blocker.block(status)
                talk.write(10)
                await eventually(lambda: behind_it.road == "http")
                assert behind_it.state == "connected"
                talk.write(10)
                blocker.allow()
                talk.write(10)
                await eventually(lambda: behind_it.road == "socket", 20)
            async with within(30):
                await talk.settled()
        await asyncio.wait(tasks)


async def test_s62_who_never_gets_a_socket_is_let_in_over_http(stack: Stack) -> None:
    one, other = await newcomers(stack, "rosa", "ruth")
    async with run_blocker(stack.url) as blocker:
        blocker.block(501)
        async with within(20), behind(blocker, stack, one) as rosa:
            assert (rosa.user_id, rosa.road) == (one, "http")
            async with connect(stack.ws_url, stack.token(other)) as ruth:
                await ruth.send("Are you there?", to=one)
                message = await anext(rosa)
                assert isinstance(message, Message)
                await rosa.delivered(message.conversation_id, message.seq)
                assert (await receipt(ruth)).read_seq == 0
                await rosa.mark_read(message.conversation_id, up_to=message.seq)
                ack = await rosa.send("Yes", to=other)
                assert ack.seq == 2
                assert (await receipt(ruth)).read_seq == 1


async def test_s62_a_refused_token_is_refused_over_http_too(stack: Stack) -> None:
    async with run_blocker(stack.url) as blocker:
        blocker.block()
        client = connect(blocker.url.replace("http", "ws") + "/ws", "no token", timing=QUICK)
        with pytest.raises(ConnectionRefused) as refusal:
            async with within(20), client:
                pass
    assert refusal.value.code == 4401
