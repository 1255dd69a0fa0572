"""The Python client against the whole product."""

import asyncio

import pytest
from linkup_client import Client, ConnectionRefused, Message, Receipt, SendFailed, connect

from tests.support.stack import Stack
from tests.support.traffic import newcomers
from tests.support.waiting import eventually, within

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def messages(client: Client, count: int, seconds: float = 20) -> list[Message]:
    """The next so many messages; other events are stepped over."""
    found: list[Message] = []
    async with within(seconds):
        while len(found) < count:
            event = await anext(client)
            if isinstance(event, Message):
                found.append(event)
    return found


async def receipt(client: Client, **marks: int) -> None:
    """Wait until the other side's marks are these."""
    async with within(10):
        async for event in client:
            if isinstance(event, Receipt) and all(
                getattr(event, name) == seq for name, seq in marks.items()
            ):
                return


async def test_s63_presence_is_told_once_and_again_when_it_changes(stack: Stack) -> None:
    told: list[bool] = []
    one, other = await newcomers(stack, "ann", "bob")
    ann, bob = [connect(stack.ws_url, stack.token(name)) for name in (one, other)]
    async with ann:
        async with bob:
            await ann.send("hi", to=other)
            ann.watch([other], lambda presence: told.append(presence.is_online))
            await eventually(lambda: told == [True])
        await eventually(lambda: told == [True, False], 20)


async def test_a_message_and_its_receipts(stack: Stack) -> None:
    one, other = await newcomers(stack, "ann", "bob")
    ann, bob = [connect(stack.ws_url, stack.token(name)) for name in (one, other)]
    async with ann, bob:
        ack = await ann.send("hi", to=other)
        [message] = await messages(bob, 1)
        assert (message.content, message.sender_id, message.seq) == ("hi", one, ack.seq)
        assert message.conversation_id == ack.conversation_id
        await bob.delivered(message.conversation_id, message.seq)
        await receipt(ann, delivered_seq=1, read_seq=0)
        await bob.mark_read(message.conversation_id, up_to=message.seq)
        await receipt(ann, delivered_seq=1, read_seq=1)


async def test_c3_the_same_client_id_is_stored_once(stack: Stack) -> None:
    bob = connect(stack.ws_url, stack.token("bob"))  # only a user who came in is known
    async with bob, connect(stack.ws_url, stack.token("ann")) as ann:
        first = await ann.send("hi", to="bob", client_id="once")
        again = await ann.send("hi", to="bob", client_id="once")
        assert again.duplicate
        assert again.message_id == first.message_id
        with pytest.raises(SendFailed) as failure:
            await ann.send("something else", to="bob", client_id="once")
        assert failure.value.code == "client_id_conflict"


async def test_c6_another_client_goes_on_where_one_stopped(stack: Stack) -> None:
    async with connect(stack.ws_url, stack.token("ann")) as ann:
        async with connect(stack.ws_url, stack.token("bob")) as bob:
            await ann.send("one", to="bob")
            await messages(bob, 1)
        await ann.send("two", to="bob")
        late = connect(stack.ws_url, stack.token("bob"), epoch=bob.epoch, cursor=bob.cursor)
        async with late:
            [message] = await messages(late, 1)
            assert message.content == "two"


async def test_a_bad_token_is_refused(stack: Stack) -> None:
    with pytest.raises(ConnectionRefused) as refusal:
        async with connect(stack.ws_url, "no token at all"):
            pass
    assert refusal.value.code == 4401


async def test_d16_who_logs_out_does_not_come_back_with_that_token(stack: Stack) -> None:
    token = stack.token("ann", jti="to be revoked")
    async with connect(stack.ws_url, token) as ann:
        await ann.logout()
        await ann.logout()
    with pytest.raises(ConnectionRefused) as refusal:
        async with connect(stack.ws_url, token):
            pass
    assert refusal.value.code == 4401


async def test_c4_c5_order_and_nothing_lost_while_services_die(stack: Stack) -> None:
    ann = connect(stack.ws_url, stack.token("ann"))
    bob = connect(stack.ws_url, stack.token("bob"))
    async with ann, bob:
        sending = [asyncio.create_task(ann.send(str(n), to="bob")) for n in range(300)]
        await sending[0]
        for service in ("gateway", "persistence", "nats-server"):
            await stack.kill(service)
        received = await messages(bob, 300, 60)  # three restarts, each with its backoff
        acks = await asyncio.gather(*sending)
    await stack.ready()
    assert [message.content for message in received] == [str(n) for n in range(300)]
    assert [message.seq for message in received] == [ack.seq for ack in acks]


async def test_says_that_it_is_connected(stack: Stack) -> None:
    async with connect(stack.ws_url, stack.token("ann")) as ann:
        assert (ann.state, ann.user_id) == ("connected", "ann")
        await stack.kill("gateway")
        await eventually(lambda: ann.state != "connected")
        await eventually(lambda: ann.state == "connected", 30)
    await stack.ready()
