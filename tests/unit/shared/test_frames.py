"""The limits of each field, at the edge and one beyond; what a client is told of a fault."""

import json
from typing import Any

import msgspec
import pytest

from shared import api, frames
from shared.errors import InvalidFrame

MESSAGE = {"type": "message", "client_id": "c1", "content": "hi", "to": "bob"}


def decode(**changes: Any) -> frames.ClientFrame:
    return frames.decode(json.dumps(MESSAGE | changes))


def refusal(text: str | bytes, max_bytes: int = frames.MAX_FRAME_BYTES) -> InvalidFrame:
    with pytest.raises(InvalidFrame) as caught:
        frames.decode(text, max_bytes)
    return caught.value


@pytest.mark.parametrize(
    "text",
    [
        '{"type":"ping","a\\u0000\\u001b[2J\\n":1}',
        '{"type":"\\u001b[2J\\u202e"}',
        '{"type":"message","client_id":"a","content":"\ud800","to":"b"}',
    ],
)
def test_a_fault_is_printable_whatever_the_frame_holds(text: str) -> None:
    assert refusal(text).message.isprintable()


@pytest.mark.parametrize(
    ("fields", "named"),
    [
        ({}, "conversation_id"),
        ({"conversation_id": "d1", "seq": 1, "notification_id": "n1"}, "notification_id"),
        ({"conversation_id": "d1"}, "seq"),
        ({"notification_id": "n1", "seq": 1}, "seq"),
        ({"seq": 1}, "conversation_id"),
    ],
)
def test_s16_delivered_names_a_message_or_a_notification(
    fields: dict[str, Any], named: str
) -> None:
    with pytest.raises(InvalidFrame, match=f"`{named}`"):
        frames.decode(json.dumps({"type": "delivered", **fields}))


def test_s24_only_a_badge_has_a_count() -> None:
    assert frames.badge_of(frames.encode(frames.BadgeUpdate(unread_count=7))) == 7
    assert frames.badge_of(frames.encode(frames.SyncCompleted(cursor=7))) is None


@pytest.mark.parametrize(
    "text", ["/jobs/17/", "https://example.com/?a=b#c", "http://localhost:3000"]
)
def test_an_action_may_lead_to_a_page(text: str) -> None:
    assert msgspec.convert(text, frames.LinkUrl) == text


@pytest.mark.parametrize(
    "text",
    ["javascript:alert(1)", "//evil.example", "/\\evil.example", "data:text/html,x", "", " /"],
)
def test_an_action_leads_nowhere_else(text: str) -> None:
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert(text, frames.LinkUrl)


@pytest.mark.parametrize(
    ("text", "field"),
    [
        (b'{"user_ids": ["a", 1], "title": "t"}', "user_ids[1]"),
        (b'{"oddity": 1}', "oddity"),
        (b'{"title": "t"}', "idempotency_key"),
        (b'{"title": 7}', "title"),
        (b'{"\\n": 1}', ""),
        (b'{"%s": 1}' % (b"x" * 101), ""),
        (b"[]", ""),
        (b"{", ""),
    ],
)
def test_the_field_at_fault_is_found_in_a_decoding_error(text: bytes, field: str) -> None:
    with pytest.raises(msgspec.MsgspecError) as refused:
        msgspec.json.decode(text, type=api.AnnounceRequest)
    assert frames.field_of(refused.value) == field
