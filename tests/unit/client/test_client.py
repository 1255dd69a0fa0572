"""The client against a server that says what the test tells it to."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

import pytest
from linkup_client import (
    Client,
    ConnectionRefused,
    LinkupError,
    Message,
    OutboxFull,
    OutcomeUnknown,
    Receipt,
    ResyncRequired,
    SendFailed,
    connect,
    inbox,
    outbox,
)
from linkup_client.backoff import Timing
from msgspec import structs
from websockets.exceptions import ConnectionClosed

from tests.support.ports import port_of, silent
from tests.support.waiting import TIMEOUT_FACTOR, eventually, within
from tests.unit.client.scripted import FAST, NOW, Peer, Script, scripted

HEARTBEAT_MS = int(500 * TIMEOUT_FACTOR)  # an answer has to be there before the next


@pytest.fixture
async def script() -> AsyncIterator[Script]:
    async with scripted() as running:
        yield running


@asynccontextmanager
async def met(
    script: Script, *, timing: Timing = FAST, heartbeat_ms: int = 10_000
) -> AsyncIterator[tuple[Client, Peer]]:
    """A client that has come in, and the server's end of it."""
    client = connect(script.url, "token", timing=timing)
    peer = asyncio.create_task(script.come_in(heartbeat_ms=heartbeat_ms))
    async with client:
        yield client, await peer


async def next_event(client: Client) -> object:
    async with within(5):
        return await anext(client)


# ------------------------------------------------------------------ sending


async def test_c2_resends_the_same_client_id_after_a_lost_connection(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("hi", to="bob"))
        first = await peer.recv("message")
        peer.drop()
        peer = await script.come_in()
        again = await peer.recv("message")
        assert again == first
        await peer.ack(again, 7, duplicate=True)
        assert (await sending).seq == 7


async def test_c2_resends_the_same_client_id_when_no_ack_comes(script: Script) -> None:
    async with met(script, timing=structs.replace(FAST, ack_timeout=0.05)) as (client, peer):
        sending = asyncio.create_task(client.send("hi", to="bob"))
        first = await peer.recv("message")
        assert await peer.recv("message") == first
        await peer.ack(first, 1)
        await peer.ack(first, 1, duplicate=True)
        assert not (await sending).duplicate
        assert client.pending == 0


async def test_c2_a_permanent_error_ends_the_resending(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("hi", to="nobody"))
        await peer.refuse(await peer.recv("message"), "not_found", temporary=False)
        with pytest.raises(SendFailed) as failure:
            await sending
        assert failure.value.code == "not_found"
        assert client.pending == 0


async def test_c4_keeps_the_order_across_a_temporary_error(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = [asyncio.create_task(client.send(text, to="bob")) for text in "abc"]
        first, second, third = [await peer.recv("message") for _ in "abc"]
        await peer.refuse(first, "unavailable", temporary=True)
        for later in (second, third):
            await peer.refuse(later, "out_of_order", temporary=True)
        for seq, expected in enumerate((first, second, third), start=1):
            again = await peer.recv("message")
            assert again["client_id"] == expected["client_id"]
            await peer.ack(again, seq)
        assert [ack.seq for ack in await asyncio.gather(*sending)] == [1, 2, 3]


async def test_c4_keeps_the_order_across_a_reconnect(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = [asyncio.create_task(client.send(text, to="bob")) for text in "abc"]
        await peer.ack(await peer.recv("message"), 1)
        await sending[0]
        await peer.close(1012)
        later = [asyncio.create_task(client.send(text, to="bob")) for text in "de"]
        peer = await script.come_in()
        for seq, text in enumerate("bcde", start=2):
            frame = await peer.recv("message")
            assert frame["content"] == text
            await peer.ack(frame, seq)
        await asyncio.gather(*sending, *later)


async def test_a_refused_conversation_does_not_hold_up_another(script: Script) -> None:
    async with met(script, timing=structs.replace(FAST, shortest=60, first=60)) as (client, peer):
        stuck = asyncio.create_task(client.send("a", to="bob"))
        await peer.refuse(await peer.recv("message"), "unavailable", temporary=True)
        free = asyncio.create_task(client.send("b", conversation_id="d2"))
        await peer.ack(await peer.recv("message"), 1)
        await free
        assert client.pending == 1
        stuck.cancel()


async def test_waits_as_long_as_the_error_says(script: Script) -> None:
    async with met(script, timing=structs.replace(FAST, shortest=60, first=60)) as (client, peer):
        sending = asyncio.create_task(client.send("a", to="bob"))
        frame = await peer.recv("message")
        await peer.refuse(frame, "rate_limited", temporary=True, retry_after_ms=20)
        await peer.ack(await peer.recv("message"), 1)
        await sending


async def test_a_full_outbox_says_so(script: Script, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(outbox, "MAX_MESSAGES", 2)
    async with met(script) as (client, _):
        waiting = [asyncio.create_task(client.send(text, to="bob")) for text in "ab"]
        await eventually(lambda: client.pending == 2)
        with pytest.raises(OutboxFull):
            await client.send("c", to="bob")
    assert [type(fault) for fault in await asyncio.gather(*waiting, return_exceptions=True)] == [
        OutcomeUnknown,
        OutcomeUnknown,
    ]


async def test_cancelling_stops_the_waiting_but_not_the_message(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("a", to="bob"))
        frame = await peer.recv("message")
        sending.cancel()
        assert client.pending == 1
        await peer.ack(frame, 1)
        await eventually(lambda: client.pending == 0)


async def test_too_large_a_message_is_not_sent(script: Script) -> None:
    async with met(script) as (client, _):
        with pytest.raises(SendFailed, match="too_large"):
            await client.send("x" * 70_000, to="bob")
        with pytest.raises(ValueError, match="either"):
            await client.send("x")


async def test_an_id_on_its_way_is_not_taken_twice(script: Script) -> None:
    async with met(script) as (client, peer):
        first = asyncio.create_task(client.send("a", to="bob", client_id="k"))
        frame = await peer.recv("message")
        with pytest.raises(SendFailed, match="already on its way"):
            await client.send("b", to="bob", client_id="k")
        await peer.ack(frame, 1)
        await first


# ------------------------------------------------------------------ receiving


async def test_c6_resumes_from_the_last_event(script: Script) -> None:
    async with met(script) as (client, peer):
        await peer.message(1)
        await peer.message(2)
        receipt = {"conversation_id": "d1", "user_id": "bob", "at": NOW}
        await peer.send("receipt", cursor=3, delivered_seq=1, read_seq=0, **receipt)
        events = [await next_event(client) for _ in range(3)]
        assert [type(event) for event in events] == [Message, Message, Receipt]
        assert (client.epoch, client.cursor) == ("e1", 3)
        await peer.close(4002)
        hello = await (peer := await script.peer()).welcome()
        assert (hello["epoch"], hello["cursor"]) == ("e1", 3)
        await peer.message(3)  # a repeat is not shown again
        await peer.message(4)
        event = await next_event(client)
        assert isinstance(event, Message)
        assert event.cursor == 4


async def test_c6_goes_on_from_what_the_caller_kept(script: Script) -> None:
    client = connect(script.url, "token", epoch="e0", cursor=41, timing=FAST)
    coming = asyncio.create_task(script.peer())
    entering = asyncio.create_task(client.__aenter__())
    hello = await (peer := await coming).welcome(cursor=41)
    await entering
    assert hello == {"type": "hello", "token": "token", "epoch": "e0", "cursor": 41}
    assert client.cursor == 41
    await peer.send("sync_completed", cursor=45)
    await eventually(lambda: client.cursor == 45)
    await client.close()


async def test_the_cursor_counts_what_was_handed_out(script: Script) -> None:
    async with met(script) as (client, peer):
        await peer.message(1)
        await peer.send("typing", conversation_id="d1", user_id="bob", is_typing=True)
        await peer.send("poke", cursor=2, novelty=True)  # a frame of a newer server
        await peer.send("pong", cursor=5)
        await peer.message(6)
        assert client.cursor == 0
        await next_event(client)
        assert client.cursor == 1
        await next_event(client)
        assert client.cursor == 6


async def test_an_own_message_that_comes_again_is_its_ack(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("a", to="bob"))
        frame = await peer.recv("message")
        peer.drop()
        peer = await script.come_in()
        own = {"sender_id": "ann", "client_id": frame["client_id"]}
        await peer.message(1, **own)
        ack = await sending
        assert (ack.seq, ack.duplicate) == (1, True)
        await peer.message(2, **own)  # and from now on it is known
        await peer.message(3, sender_id="ann", client_id="written on the phone")
        event = await next_event(client)
        assert isinstance(event, Message)
        assert event.cursor == 3


async def test_the_same_id_of_somebody_else_is_not_the_ack(script: Script) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("a", to="bob", client_id="k"))
        frame = await peer.recv("message")
        await peer.message(1, sender_id="bob", client_id="k")
        await next_event(client)
        assert not sending.done()
        await peer.ack(frame, 2)
        await sending


async def test_c6_resync_required_is_an_event(script: Script) -> None:
    async with met(script) as (client, peer):
        await peer.send("resync_required", reason="restored", epoch="e2", cursor=900)
        event = await next_event(client)
        assert isinstance(event, ResyncRequired)
        assert (client.epoch, client.cursor) == ("e2", 900)
        await peer.message(901)
        await next_event(client)
        await peer.close(4000)
        hello = await (await script.peer()).welcome()
        assert (hello["epoch"], hello["cursor"]) == ("e2", 901)


async def test_c10_a_full_inbox_is_filled_again_from_the_last_event_kept(
    script: Script, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(inbox, "MAX_EVENTS", 4)
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("a", to="bob"))
        for cursor in range(1, 9):
            await peer.message(cursor)
        await peer.ack(await peer.recv("message"), 1)  # acks pass a full inbox
        await sending
        taken = [await next_event(client) for _ in range(3)]
        hello = await (peer := await script.peer()).welcome()
        assert hello["cursor"] == 4
        for cursor in range(5, 9):
            await peer.message(cursor)
            taken.append(await next_event(client))
        taken.append(await next_event(client))
        assert [event.cursor for event in taken if isinstance(event, Message)] == [*range(1, 9)]


async def test_marks_are_cumulative_and_told_again_after_a_reconnect(script: Script) -> None:
    async with met(script) as (client, peer):
        for seq in (3, 5, 4):
            await client.delivered("d1", seq)
        await client.mark_read("d2", up_to=9)
        told = [await peer.recv() for _ in range(3)]
        of_d1 = [frame for frame in told if frame["conversation_id"] == "d1"]
        read = {"type": "mark_chat_read", "conversation_id": "d2", "up_to": 9}
        assert of_d1 == [
            {"type": "delivered", "conversation_id": "d1", "seq": 3},
            {"type": "delivered", "conversation_id": "d1", "seq": 5},
        ]
        assert read in told
        peer.drop()
        peer = await script.come_in()
        again = {
            frame["conversation_id"]: frame for frame in [await peer.recv(), await peer.recv()]
        }
        assert again == {"d1": of_d1[-1], "d2": read}


# ------------------------------------------------------------------ the connection


@pytest.mark.parametrize("code", [4401, 4404, 4408, 1007, 1009])
async def test_a_refusal_for_good_ends_everything(script: Script, code: int) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("hi", to="bob"))
        await peer.recv("message")
        await peer.close(code)
        with pytest.raises(ConnectionRefused) as refusal:
            await next_event(client)
        assert refusal.value.code == code
        with pytest.raises(ConnectionRefused):
            await sending
        with pytest.raises(ConnectionRefused):
            await client.send("more", to="bob")
        assert client.state == "failed"


async def test_a_refusal_at_the_door_is_raised_on_coming_in(script: Script) -> None:
    client = connect(script.url, "stale", timing=FAST)
    entering = asyncio.create_task(client.__aenter__())
    await (await script.peer()).close(4401)
    with pytest.raises(ConnectionRefused):
        await entering
    assert client.state == "failed"


@pytest.mark.parametrize("code", [1001, 1011, 1012, 4000, 4001, 4002, 4029, 4999])
async def test_any_other_close_is_followed_by_a_reconnect(script: Script, code: int) -> None:
    async with met(script) as (client, peer):
        await peer.close(code)
        await eventually(lambda: client.state == "reconnecting")
        await script.come_in()
        await eventually(lambda: client.state == "connected")
    assert client.state == "disconnected"


async def test_4401_asks_for_a_new_token_at_once_and_in_the_next_second(script: Script) -> None:
    asked = 0

    async def token() -> str:
        nonlocal asked
        asked += 1
        return f"token {asked}"

    client = connect(script.url, token, timing=FAST)
    entering = asyncio.create_task(client.__aenter__())
    await (await script.peer()).close(4401)
    hello = await (peer := await script.peer()).welcome()
    await entering
    assert hello["token"] == "token 2"
    for _ in range(2):
        await peer.close(4401)
        peer = await script.peer()
    await peer.close(4401)
    with pytest.raises(ConnectionRefused):
        await next_event(client)
    assert asked == 4


async def test_f_p21_a_token_of_another_user_ends_the_client_before_anything_is_sent(
    script: Script,
) -> None:
    async with met(script) as (client, peer):
        sending = asyncio.create_task(client.send("mine", to="bob"))
        await peer.recv("message")
        await peer.close(4000)
        stranger = await script.come_in(user_id="eve")
        await stranger.message(1)
        with pytest.raises(ConnectionRefused, match="'eve', not of 'ann'"):
            await next_event(client)
        with pytest.raises(ConnectionRefused):
            await sending
        with pytest.raises(ConnectionClosed):
            await stranger.recv()
        assert client.state == "failed"


def of(user_id: object) -> str:
    """A token of that user, as far as a client can read it."""
    claims = base64.urlsafe_b64encode(json.dumps({"sub": user_id}).encode()).decode().rstrip("=")
    return f"e30.{claims}.c2ln"


async def test_f_p21_a_token_of_another_user_than_the_named_one_never_leaves(
    script: Script,
) -> None:
    for token in (of("eve"), unchanging(of("eve"))):
        with pytest.raises(ConnectionRefused, match="'eve', not of 'ann'"):
            async with connect(script.url, token, user_id="ann", timing=FAST):
                pass
    assert script.visits == 0
    client = connect(script.url, of("eve"), user_id="ann", timing=FAST)
    with pytest.raises(ConnectionRefused, match="4401"):
        await client.file_link("a")


async def test_f_p21_after_the_first_welcome_a_token_of_another_user_never_leaves(
    script: Script,
) -> None:
    tokens = [of("ann"), of("ann"), of("eve")]

    async def token() -> str:
        return tokens.pop(0)

    client = connect(script.url, token, timing=FAST)
    entering = asyncio.create_task(client.__aenter__())
    peer = await script.come_in()
    await entering
    assert client.user_id == "ann"
    await peer.close(4000)
    await (await script.come_in()).close(4000)
    with pytest.raises(ConnectionRefused, match="'eve', not of 'ann'"):
        await next_event(client)
    assert script.visits == 2


@pytest.mark.parametrize(
    "token", ["", "ticket", "a.b", "a.\xe4.c", "a.!.c", "e30.NQ.c", of(5), of(None), of("ann")]
)
async def test_f_p21_of_what_names_nobody_the_server_says_whose_it_is(
    script: Script, token: str
) -> None:
    client = connect(script.url, token, user_id="ann", timing=FAST)
    entering = asyncio.create_task(client.__aenter__())
    await script.come_in()
    await entering
    await client.close()


def unchanging(token: str) -> Callable[[], Awaitable[str]]:
    async def get() -> str:
        return token

    return get


async def test_obeys_the_time_the_server_gives(script: Script) -> None:
    async with met(script, timing=structs.replace(FAST, shortest=60, first=60)) as (_, peer):
        await peer.send("reconnect", after_ms=30, reason="drain")
        await peer.close(4002)
        await script.come_in()


async def test_c7_pings_and_leaves_a_silent_server(script: Script) -> None:
    async with met(script, heartbeat_ms=HEARTBEAT_MS) as (client, peer):
        await peer.recv("ping")
        await peer.send("pong", cursor=0)
        await peer.recv("ping")  # stays unanswered
        await script.come_in()
        await eventually(lambda: client.state == "connected")


async def test_comes_in_when_the_server_does() -> None:
    with silent() as nobody:
        client = connect(f"ws://127.0.0.1:{port_of(nobody)}/ws", "token", timing=FAST)
        entering = asyncio.create_task(client.__aenter__())
        await eventually(lambda: client.state == "offline")
        entering.cancel()
        await asyncio.gather(entering, return_exceptions=True)
    assert client.state == "disconnected"


async def test_handshakes_refused_for_now_are_tried_again(script: Script) -> None:
    script.refuse_with = [503, 403]
    async with met(script) as (client, _):
        assert client.state == "connected"


async def test_no_messaging_server_there_is_for_good(script: Script) -> None:
    script.refuse_with = [404]
    with pytest.raises(ConnectionRefused, match="404"):
        await connect(script.url, "token", timing=FAST).__aenter__()
    with pytest.raises(ConnectionRefused):
        await connect("http://nowhere", "token", timing=FAST).__aenter__()


async def test_s62_who_was_in_is_not_sent_away_by_what_stands_before_the_server(
    script: Script,
) -> None:
    async with met(script) as (client, peer):
        script.refuse_with = [404]
        peer.drop()
        await script.come_in()
        await eventually(lambda: client.road == "socket")
        assert script.refuse_with == []


async def test_what_is_no_frame_ends_the_connection_not_the_client(script: Script) -> None:
    async with met(script) as (client, peer):
        await peer.say("not json")
        await peer.message(5)  # too late: it comes again on the next connection
        hello = await (await script.peer()).welcome()
        assert hello["cursor"] == 0
        await eventually(lambda: client.state == "connected")


async def test_a_frame_may_come_in_fragments(script: Script) -> None:
    async with met(script) as (client, peer):
        await peer.say(['{"cursor": 7, ', '"type": "po', 'ng"}'])
        await eventually(lambda: client.cursor == 7)


async def test_an_error_of_the_token_function_is_the_callers(script: Script) -> None:
    async def token() -> str:
        raise KeyError("no session")

    with pytest.raises(KeyError):
        await connect(script.url, token, timing=FAST).__aenter__()


async def test_after_closing_the_events_end_and_nothing_is_sent(script: Script) -> None:
    async with met(script) as (client, _):
        pass
    assert [event async for event in client] == []
    with pytest.raises(LinkupError):
        await client.send("late", to="bob")
