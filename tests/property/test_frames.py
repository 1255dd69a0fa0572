"""Whatever arrives, `decode` gives a frame or says in words what is wrong with it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from shared import frames
from shared.errors import InvalidFrame, TooLarge

CLIENT = [*frames.ClientFrame.__args__]
SERVER = [*frames.ServerFrame.__args__]

MESSAGE = {"type": "message", "client_id": "c1", "content": "hi", "to": "bob"}
VALID: list[dict[str, Any]] = [
    MESSAGE,
    {"type": "message", "client_id": "c1", "content": "x", "conversation_id": "d1", "after": "c0"},
    {"type": "message", "client_id": "c1", "content": "x", "to": "bob", "reply_to": 1},
    {"type": "edit_message", "message_id": 1, "content": "x", "client_id": "c"},
    {"type": "delete_message", "message_id": 1, "mode": "everyone", "client_id": "c"},
    {"type": "react", "message_id": 1, "emoji": "\U0001f44d", "remove": True, "client_id": "c"},
    {"type": "hello", "token": "t", "epoch": "e", "cursor": 1, "device": "d"},
    {"type": "delivered", "conversation_id": "d1", "seq": 1, "client_id": "c"},
    {"type": "read_receipt", "message_id": 1, "client_id": "c"},
    {"type": "bulk_read_receipt", "message_ids": [1, 2], "client_id": "c"},
    {"type": "mark_chat_read", "conversation_id": "d1", "up_to": 1, "client_id": "c"},
    {"type": "sync_request", "cursor": 0},
    {"type": "ping", "timestamp": 1},
    {"type": "typing", "is_typing": True, "to": "bob"},
    {"type": "typing", "is_typing": False, "conversation_id": "d1"},
    {"type": "presence_subscribe", "user_ids": ["bob", "carol"]},
    {"type": "presence_unsubscribe", "user_ids": ["bob"]},
    {"type": "get_connection_status"},
    {"type": "force_reconnect"},
    {"type": "delivered", "notification_id": "n1", "client_id": "c"},
    {
        "type": "get_notifications",
        "limit": 1,
        "before": "1-n1",
        "unread_only": True,
        "notification_type": "mention",
        "client_id": "c",
    },
    {"type": "mark_read", "notification_id": "n1", "client_id": "c"},
    {"type": "mark_all_read", "notification_type": "mention", "up_to": "n1", "client_id": "c"},
    {"type": "refresh", "token": "t", "client_id": "r-1"},
]
ODD: list[Any] = [
    *(None, True, False, 0, -1, 1.0, 1.5, 2**53 - 1, 2**53, 2**64, -(2**53), 1e308, 10**400),
    *("", " ", "\x00", "a\x00b", "\n", "\u202e", "\ud800", "\U0001f600", "a" * 6000, "^[!-~]+$"),
    *([], {}, [1], {"a": 1}, [[[]]]),
]


def checked(text: str | bytes) -> frames.ClientFrame | InvalidFrame | TooLarge:
    """Nothing but these may come of it; an error must be fit to be shown."""
    outcome = outcome_of(text)
    if isinstance(outcome, InvalidFrame | TooLarge):
        assert outcome.message.isprintable()
        assert 0 < len(outcome.message) <= 250
        for sign in ("regex", "\\x", "[!-~]", "\\Z", "msgspec"):
            assert sign not in outcome.message or sign in _as_text(text)
    return outcome


def outcome_of(text: str | bytes) -> frames.ClientFrame | InvalidFrame | TooLarge:
    try:
        return frames.decode(text)
    except (InvalidFrame, TooLarge) as error:
        return error


def _as_text(text: str | bytes) -> str:
    return text if isinstance(text, str) else text.decode("latin-1")


@given(st.binary(max_size=300))
@example(b"\xff")
@example(b"\xef\xbb\xbf{}")
@example(b'{"type":"ping"}\x00')
def test_any_bytes_are_a_frame_or_an_error(content: bytes) -> None:
    checked(content)


@given(st.text(st.characters(codec=None), max_size=300))
@example("")
@example("null")
@example("[]")
@example('"ping"')
@example("{}{}")
@example('{"type":"ping","timestamp":NaN}')
@example('{"type":"ping","timestamp":-Infinity}')
@example('{"type":"ping","timestamp":1e999}')
@example("\ud800")
def test_any_text_is_a_frame_or_an_error(text: str) -> None:
    checked(text)


json_values = st.recursive(
    st.sampled_from(ODD) | st.text(max_size=20) | st.integers() | st.floats(allow_nan=True),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=6,
)
names = st.sampled_from(sorted({name for frame in VALID for name in frame} | {"Type", "\x1b[2J"}))


@given(
    frame=st.sampled_from(VALID),
    changed=st.dictionaries(names | st.text(max_size=300), json_values, max_size=3),
    left_out=st.none() | names,
    escaped=st.booleans(),
)
def test_a_near_miss_is_a_frame_or_names_its_fault(
    frame: dict[str, Any], changed: dict[str, Any], left_out: str | None, escaped: bool
) -> None:
    content = {name: value for name, value in frame.items() if name != left_out} | changed
    outcome = checked(json.dumps(content, ensure_ascii=escaped))
    if json.dumps(content) == json.dumps(frame):  # in Python, 1.0 equals True
        assert msgspec.to_builtins(outcome).items() >= frame.items()
    if isinstance(outcome, InvalidFrame | TooLarge):
        assert outcome.client_id in (None, content.get("client_id"))


bad_fields = st.sampled_from(
    [
        {"content": ""},
        {"content": " \t"},
        {"content": "\u200b"},
        {"content": "a\x00"},
        {"content": "a" * 5001},
        {"content": 5},
        {"content": None},
        {"to": None},
        {"to": "a/b"},
        {"to": "a\n"},
        {"to": "a" * 129},
        {"to": ["bob"]},
        {"conversation_id": "d1"},
        {"conversation_id": "d 1"},
        {"after": ""},
        {"after": "a b"},
        {"cursor": 1},
        {"Content": "hi"},
        {"type": "no_such_frame"},
        {"type": "Message"},
        {"type": 1},
        {"type": None},
    ]
)


@given(
    bad=bad_fields,
    client_id=st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=100),
)
def test_c2_an_error_echoes_the_client_id(bad: dict[str, Any], client_id: str) -> None:
    outcome = checked(json.dumps(MESSAGE | {"client_id": client_id} | bad))
    assert isinstance(outcome, InvalidFrame)
    assert outcome.client_id == client_id


@given(st.sampled_from(["[", '{"a":', '[{"b":']), st.integers(1, 20_000), st.booleans())
def test_deep_nesting_is_an_error(opening: str, depth: int, first: bool) -> None:
    nested = opening * min(depth, 60_000 // len(opening))
    text = f'{{"x":{nested}' if first else f'{{"type":"ping","timestamp":{nested}'
    assert isinstance(checked(text), InvalidFrame)


@pytest.mark.parametrize("key", ["type", "client_id", "content", "to"])
@given(value=st.sampled_from(ODD))
def test_a_repeated_key_is_a_frame_or_an_error(key: str, value: Any) -> None:
    text = json.dumps(MESSAGE)
    checked(f'{text[:-1]},"{key}":{json.dumps(value)}}}')


@given(st.integers(frames.MAX_FRAME_BYTES - 40, frames.MAX_FRAME_BYTES + 40), st.booleans())
def test_a_frame_of_64_kib_is_taken_and_one_byte_more_is_too_large(size: int, wide: bool) -> None:
    """Counted in bytes; blanks between the fields count as well."""
    text = json.dumps(MESSAGE | {"content": "\u00e9" if wide else "e"}, ensure_ascii=False)
    text += " " * (size - len(text.encode()))
    for form in (text, text.encode()):
        outcome = checked(form)
        if size <= frames.MAX_FRAME_BYTES:
            assert isinstance(outcome, frames.SendMessage)
        else:
            assert isinstance(outcome, TooLarge)
            assert outcome.client_id == "c1"


# ------------------------------------------------------------------ there and back


whole = st.text(st.characters(codec="utf-8"), max_size=60)
texts = whole.map(lambda text: f"{text}.".replace("\x00", ""))
ids = st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=1, max_size=64)
users = st.text(
    st.characters(codec="utf-8", exclude_categories=["Cc"], exclude_characters="/"),
    min_size=1,
    max_size=128,
)
counts = st.integers(0, frames.MAX_INT)
positive = st.integers(1, frames.MAX_INT)
maybe_ids = st.none() | ids
slugs = st.from_regex(r"[a-z0-9]{1,64}", fullmatch=True)
kinds = st.sampled_from(frames.NOTIFICATION_TYPES)
modes = st.sampled_from(["me", "everyone"])
emojis = st.sampled_from(["\U0001f44d", "\u2764\ufe0f", "ok", "\U0001f1e9\U0001f1ea", "x" * 32])
client_frames = st.one_of(
    st.builds(
        frames.Hello, token=maybe_ids, epoch=maybe_ids, cursor=st.none() | counts, device=maybe_ids
    ),
    st.builds(frames.SendMessage, client_id=ids, content=texts, to=users, after=maybe_ids),
    st.builds(
        frames.SendMessage,
        client_id=ids,
        content=texts.filter(lambda text: len(text) < 7),
        conversation_id=ids,
        after=maybe_ids,
        reply_to=st.none() | positive,
    ),
    st.builds(
        frames.EditMessage,
        message_id=positive,
        content=texts.filter(lambda text: len(text) < 7),
        client_id=maybe_ids,
    ),
    st.builds(frames.DeleteMessage, message_id=positive, mode=modes, client_id=maybe_ids),
    st.builds(
        frames.React,
        message_id=positive,
        emoji=emojis,
        remove=st.booleans(),
        client_id=maybe_ids,
    ),
    st.builds(frames.Delivered, conversation_id=ids, seq=positive, client_id=maybe_ids),
    st.builds(frames.ReadReceipt, message_id=positive, client_id=maybe_ids),
    st.builds(
        frames.MarkChatRead, conversation_id=ids, up_to=st.none() | positive, client_id=maybe_ids
    ),
    st.builds(frames.Delivered, notification_id=slugs, client_id=maybe_ids),
    st.builds(
        frames.GetNotifications,
        limit=st.integers(1, 100),
        before=maybe_ids,
        unread_only=st.booleans(),
        notification_type=st.none() | kinds,
        client_id=maybe_ids,
    ),
    st.builds(frames.MarkRead, notification_id=slugs, client_id=maybe_ids),
    st.builds(
        frames.MarkAllRead,
        notification_type=st.none() | kinds,
        up_to=st.none() | slugs,
        client_id=maybe_ids,
    ),
    st.builds(frames.SyncRequest, cursor=st.none() | counts),
    st.builds(frames.Ping, timestamp=st.none() | counts | whole),
)
times = counts.map(lambda count: frames.time_of(count % 4_000_000_000_000_000))
notices = st.builds(
    frames.Notification,
    notification_id=slugs,
    notification_type=kinds,
    priority=st.sampled_from(["low", "normal", "high", "urgent"]),
    title=texts,
    body=whole,
    sender_id=users,
    created_at=times,
    updated_at=times,
    is_read=st.booleans(),
    is_grouped=st.booleans(),
    group_count=positive,
)
limits = st.builds(
    frames.Limits,
    message_burst=counts,
    message_rate=st.floats(0, 1000),
    edit_window_seconds=st.floats(0, 1e9),
    delete_window_seconds=st.floats(0, 1e9),
)
server_frames = st.one_of(
    st.builds(
        frames.Welcome,
        user_id=users,
        name=st.none() | texts,
        avatar=st.none() | texts,
        connection_id=ids,
        epoch=ids,
        cursor=counts,
        heartbeat_ms=counts,
        recovered=st.booleans(),
        limits=limits,
    ),
    notices,
    st.builds(frames.BadgeUpdate, unread_count=counts),
    st.builds(
        frames.NotificationsList,
        notifications=st.lists(notices, max_size=3),
        next=maybe_ids,
        unread_count=counts,
    ),
    st.builds(frames.NotificationRead, notification_id=slugs, read_at=times, unread_count=counts),
    st.builds(frames.NotificationsRead, read_at=times, count=counts, unread_count=counts),
    st.builds(frames.SyncCompleted, cursor=counts),
    st.builds(frames.ResyncRequired, reason=whole, epoch=ids, cursor=counts),
    st.builds(frames.Reconnect, after_ms=counts, reason=whole),
    st.builds(frames.Pong, cursor=counts, timestamp=st.none() | counts | whole),
    st.builds(
        frames.Ack,
        client_id=ids,
        message_id=positive,
        conversation_id=ids,
        seq=positive,
        created_at=times,
        duplicate=st.booleans(),
    ),
    st.builds(frames.Ack, client_id=ids),
    st.builds(
        frames.Message,
        message_id=positive,
        conversation_id=ids,
        seq=positive,
        version=positive,
        sender_id=users,
        client_id=ids,
        content=texts,
        created_at=times,
        updated_at=times,
    ),
    st.builds(
        frames.Message,
        message_id=positive,
        conversation_id=ids,
        seq=positive,
        version=positive,
        sender_id=users,
        client_id=ids,
        content=st.just(""),
        reply_to=positive,
        reactions=st.lists(
            st.builds(frames.Reactions, emoji=emojis, user_ids=st.lists(users, max_size=3)),
            max_size=3,
        ),
        created_at=times,
        updated_at=times,
        edited_at=times,
        deleted_at=times,
    ),
    st.builds(
        frames.MessageUpdated,
        message_id=positive,
        conversation_id=ids,
        seq=positive,
        version=positive,
        content=texts,
        edited_at=times,
        updated_at=times,
    ),
    st.builds(
        frames.MessageDeleted,
        message_id=positive,
        conversation_id=ids,
        seq=positive,
        version=positive,
        mode=modes,
        deleted_at=times,
    ),
    st.builds(
        frames.Reaction,
        message_id=positive,
        conversation_id=ids,
        version=positive,
        user_id=users,
        emoji=emojis,
        removed=st.booleans(),
    ),
    st.builds(
        frames.Receipt,
        conversation_id=ids,
        user_id=users,
        delivered_seq=counts,
        read_seq=counts,
        at=times,
    ),
    st.builds(
        frames.Error,
        code=ids,
        message=whole,
        temporary=st.booleans(),
        client_id=maybe_ids,
        retry_after_ms=st.none() | counts,
    ),
)
server_decoder = msgspec.json.Decoder(frames.ServerFrame)


@given(client_frames)
def test_every_client_frame_comes_back_as_it_was(frame: frames.ClientFrame) -> None:
    encoded = frames.encode(frame)
    assert frames.decode(encoded) == frames.decode(encoded.decode()) == frame


@given(server_frames)
def test_every_server_frame_comes_back_as_it_was(frame: frames.ServerFrame) -> None:
    assert server_decoder.decode(frames.encode(frame)) == frame


@given(counts, server_frames)
def test_c5_a_feed_frame_is_its_body_with_the_cursor_in_front(
    cursor: int, frame: frames.ServerFrame
) -> None:
    body = frames.encode(frame)
    pairs = json.loads(frames.feed_frame(cursor, body), object_pairs_hook=list)
    assert pairs[0] == ("cursor", cursor)
    assert pairs[1:] == json.loads(body, object_pairs_hook=list)


@given(st.datetimes(timezones=st.just(UTC)))
@example(datetime.min.replace(tzinfo=UTC))
@example(datetime.max.replace(tzinfo=UTC))
def test_a_time_is_told_to_the_microsecond_from_year_1_to_9999(at: datetime) -> None:
    microseconds = (at - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(microseconds=1)
    told = msgspec.json.encode(frames.time_of(microseconds))
    assert told.decode() == f'"{at.isoformat().replace("+00:00", "Z")}"'


@pytest.mark.parametrize("frame", CLIENT)
def test_every_client_frame_is_among_those_tried(frame: type[msgspec.Struct]) -> None:
    tried = {type(frames.decode(json.dumps(valid))) for valid in VALID}
    assert frame in tried


def test_every_server_frame_has_a_type_of_its_own() -> None:
    tags = [frame.__struct_config__.tag for frame in SERVER]
    assert len(tags) == len(set(tags))


@pytest.mark.parametrize(
    "emoji",
    ["", " ", "a b", "\x00", "\n", "\x7f", "\x85", "\u2028", "x" * 33, "\U0001f44d" * 9, 1, None],
)
def test_an_emoji_is_up_to_32_bytes_of_signs(emoji: object) -> None:
    frame = {"type": "react", "message_id": 1, "emoji": emoji, "client_id": "c"}
    outcome = checked(json.dumps(frame))
    assert isinstance(outcome, InvalidFrame)
    assert outcome.client_id == "c"


def test_an_emoji_of_32_bytes_is_taken() -> None:
    frame = {"type": "react", "message_id": 1, "emoji": "\U0001f44d" * 8}
    assert isinstance(checked(json.dumps(frame)), frames.React)
