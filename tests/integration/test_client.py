"""The Python client against the whole product."""

import asyncio

import pytest
from linkup_client import (
    Client,
    ConnectionRefused,
    Message,
    Receipt,
    RequestFailed,
    SendFailed,
    TypingNow,
    connect,
)

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


async def test_s64_typing_is_told_and_heard(stack: Stack) -> None:
    told: list[TypingNow] = []
    one, other = await newcomers(stack, "ann", "bob")
    ann, bob = [connect(stack.ws_url, stack.token(name)) for name in (one, other)]
    async with ann, bob:
        conversation_id = (await ann.send("hi", to=other)).conversation_id
        bob.typing.listen(told.append)
        ann.typing.tell(conversation_id)
        await eventually(lambda: len(told) == 1)
        ann.typing.tell(conversation_id, is_typing=False)
        await eventually(lambda: len(told) == 2, 20)
    assert {(one.user_id, one.conversation_id) for one in told} == {(one, conversation_id)}
    assert [typing.is_typing for typing in told] == [True, False]


async def test_what_a_client_asks_over_http(stack: Stack) -> None:
    one, other = await newcomers(stack, "ann", "bob")
    async with connect(stack.ws_url, stack.token(one)) as ann:
        first = await ann.send("half past six", to=other)
        place = first.conversation_id
        reply = await ann.send("or seven", conversation_id=place, reply_to=first.message_id)
        api = ann.api
        await api.edit(first.message_id, "half past five")
        await api.react(reply.message_id, "👍")
        shown = (await api.messages(place))["messages"]
        assert [message["content"] for message in shown] == ["half past five", "or seven"]
        assert shown[1]["reply_to"] == first.message_id
        assert shown[1]["reactions"] == [{"emoji": "👍", "user_ids": [one]}]
        [found] = (await api.messages(place, ids=[first.message_id]))["messages"]
        assert found["message_id"] == first.message_id
        [inbox] = (await api.conversations(peer=other))["conversations"]
        shown = (await api.conversation(place))["conversation"]
        assert shown["conversation_id"] == inbox["conversation_id"] == place
        assert (await api.update(place, muted=True))["conversation"]["muted"] is True
        assert (await api.receipts(first.message_id))["member_count"] == 1
        assert (await api.timeline(first.message_id))["seq"] == first.seq
        found = await api.search("seven", conversation_id=place)  # it may not be indexed yet
        assert {"messages", "next"} <= set(found)
        assert (await api.unread())["unread_count"] == 0
        [gone] = (await api.delete_messages([reply.message_id], "me"))["results"]
        assert gone["deleted"] is True
        await api.delete(first.message_id, "everyone")
        await api.clear(place)
        assert (await api.messages(place))["messages"] == []
        assert (await api.sync())["frames"] == []
        assert (await api.ticket())["ticket"]


async def test_what_a_client_asks_about_people_and_groups(stack: Stack) -> None:
    one, other, third = await newcomers(stack, "ann", "bob", "carol")
    async with connect(stack.ws_url, stack.token(one, name="Ann")) as ann:
        api = ann.api
        assert (await api.user(one))["name"] == "Ann"
        assert {"user_id", "name", "avatar"} == set(await api.user(other))
        found = await api.find_users("Ann", limit=100)
        assert set(found) == {"users", "next"}
        assert (await api.status(one))["is_online"] is True
        await api.block(other)
        assert [user["user_id"] for user in (await api.blocks())["blocks"]] == [other]
        await api.unblock(other)
        assert (await api.blocks(user_id=other))["blocks"] == []
        await api.report("spam", client_id="r1", user_id=other, comment="ads")
        group = await api.create_group("Team", [other], client_id="g1")
        place = group["conversation"]["conversation_id"]
        await api.add_members(place, [third])
        await api.set_role(place, other, "admin")
        roles = {user["user_id"]: user["role"] for user in (await api.members(place))["members"]}
        assert roles == {one: "owner", other: "admin", third: "member"}
        await api.remove_member(place, third)
        assert len((await api.members(place))["members"]) == 2
        assert (await api.attachments(["nothing"]))["attachments"] == []
        with pytest.raises(RequestFailed) as refused:
            await api.user("nobody")
        assert (refused.value.code, refused.value.temporary) == ("not_found", False)


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
