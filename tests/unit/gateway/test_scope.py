"""The view of a socket with a narrower scope, and the frames that it gets."""

import json
from typing import Any

import pytest

from services.gateway.socket.scope import View
from shared import frames
from shared.errors import InvalidFrame, TooLarge
from tests.support.waiting import eventually
from tests.unit.gateway.fakes import Socket, cursors, repairing, types

CHAT = View(only="ab", to='b"ob é')
NOTHING = View(only="")


def said(frame: dict[str, Any]) -> frames.SendMessage:
    decoded = CHAT.decode(json.dumps(frame))
    assert isinstance(decoded, frames.SendMessage)
    return decoded


def test_s1_a_message_that_names_nobody_is_for_that_user() -> None:
    assert said({"type": "message", "client_id": "c", "content": "x"}).to == CHAT.to
    decoded = CHAT.decode(' \n{ "is_typing": true , "type":"typing"}')
    assert decoded == frames.Typing(is_typing=True, to=CHAT.to)


def test_s1_who_is_named_is_meant() -> None:
    frame = {"type": "message", "client_id": "c", "content": "x"}
    assert said({**frame, "to": "carol"}).to == "carol"
    assert said({**frame, "conversation_id": "cd"}).to is None
    for frame in ({"type": "ping"}, {"type": "mark_chat_read", "conversation_id": "cd"}):
        assert CHAT.decode(json.dumps(frame)) == frames.decode(json.dumps(frame))


@pytest.mark.parametrize("text", ["", "nonsense", "[]", '{"type":["message"]}', "{}", "[" * 9999])
def test_s1_what_is_malformed_is_named_as_anywhere(text: str) -> None:
    with pytest.raises(InvalidFrame) as narrow:
        CHAT.decode(text)
    with pytest.raises(InvalidFrame) as wide:
        frames.decode(text)
    assert narrow.value.message == wide.value.message


def test_s1_the_limit_of_a_frame_is_that_of_what_was_sent() -> None:
    frame = json.dumps({"type": "typing", "is_typing": True})
    full = frame + " " * (frames.MAX_FRAME_BYTES - len(frame))
    assert CHAT.decode(full) == frames.Typing(is_typing=True, to=CHAT.to)
    with pytest.raises(TooLarge):
        CHAT.decode(full + " ")


@pytest.mark.parametrize("view", [View(only="cd"), NOTHING], ids=["chat", "notifications"])
async def test_c5_a_view_steps_over_the_rest_and_does_not_say_it_was_sent(view: View) -> None:
    socket = Socket()
    socket.start()
    async with repairing(socket):
        await eventually(lambda: types(socket.outbox.frames) == ["sync_completed"])
        socket.connection.view = view
        socket.live(socket.log.message(), socket.log.receipt())
        assert cursors(socket.outbox.take()) == []
        assert (socket.connection.feed.cursor, socket.connection.sent) == (2, {})
        socket.connection.view = CHAT
        socket.live(socket.log.message(), socket.log.receipt())
        assert cursors(socket.outbox.take()) == [3, 4]
        assert socket.connection.sent == {"ab": 3}


def test_what_is_about_no_conversation_is_shown_by_the_notifications_alone() -> None:
    assert (View().shows(""), NOTHING.shows(""), CHAT.shows("")) == (True, True, False)
