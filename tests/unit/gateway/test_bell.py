"""The frames about notifications: what each asks of notify, and how it is answered."""

import asyncio
from typing import Any

import msgspec
import pytest

from services.gateway.socket import reader
from services.gateway.upstream import notices as notices_module
from services.gateway.upstream.notices import Notices
from shared import commands, frames
from shared.bus import NoResponders
from shared.commands import (
    DeliveredNotice,
    Notice,
    NoticesAnswer,
    ReadAnswer,
    ReadNotice,
    ReadNotices,
)
from shared.errors import Internal, InvalidRequest, LinkupError, NotFound, Overloaded
from tests.support.waiting import within
from tests.unit.gateway.fakes import Frame, Socket, handlers

NOON = 1_764_000_000_000_000
READ = ReadAnswer(count=2, unread_count=5, at=NOON)
NOTICE = Notice(
    notification_id="n1",
    notification_type="mention",
    priority="high",
    title="Bob mentioned you",
    body="",
    created_at=NOON,
    updated_at=NOON + 1,
    group_count=2,
)


class FakeNotify:
    """A bus on which notify answers with what it is given, or is not there."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer
        self.subjects: list[str] = []
        self.payloads: list[bytes] = []

    async def request(self, subject: str, payload: bytes, timeout: float) -> bytes:
        self.subjects.append(subject)
        self.payloads.append(payload)
        await asyncio.sleep(0)
        if isinstance(self.answer, NoResponders):
            raise self.answer
        if isinstance(self.answer, LinkupError):
            return commands.refusal(self.answer)
        return commands.encode(self.answer)

    def asked(self, kind: type[msgspec.Struct]) -> msgspec.Struct:
        [subject], [payload] = self.subjects, self.payloads
        assert subject == f"linkup.notify.{commands.name_of(kind)}"  # type: ignore[arg-type]
        return commands.decode(payload, kind)


async def said(answer: Any, frame: frames.ClientFrame) -> tuple[FakeNotify, list[Frame]]:
    notify, socket = FakeNotify(answer), Socket()
    bus: Any = notify
    handlers(None, Notices(bus)).handle(socket.connection, frame)
    assert socket.connection.in_flight == 1
    async with within(5):
        await socket.connection.room(1)
    return notify, socket.outbox.take()


async def test_s16_get_notifications_is_answered_by_the_list() -> None:
    frame = frames.GetNotifications(
        limit=5, before="9-n0", unread_only=True, notification_type="mention", client_id="c1"
    )
    notify, told = await said(NoticesAnswer(notices=[NOTICE], next="7-n1", unread_count=3), frame)
    assert notify.asked(commands.Notices) == commands.Notices(
        user_id="alice", limit=5, before="9-n0", unread_only=True, notification_type="mention"
    )
    shown = msgspec.to_builtins(commands.notification(NOTICE))
    assert told == [
        {
            "type": "notifications_list",
            "notifications": [shown],
            "next": "7-n1",
            "unread_count": 3,
            "client_id": "c1",
        }
    ]


async def test_s16_the_last_page_has_no_next() -> None:
    answer = NoticesAnswer(notices=[], next="", unread_count=0)
    _, [told] = await said(answer, frames.GetNotifications())
    assert (told["next"], "client_id" in told) == (None, False)


def test_s16_a_notification_shows_what_is_known_of_it() -> None:
    shown = commands.notification(NOTICE)
    assert (shown.is_read, shown.is_grouped, shown.sender_id) == (False, True, msgspec.UNSET)
    read = commands.notification(msgspec.structs.replace(NOTICE, read_at=NOON, group_count=1))
    assert (read.is_read, read.is_grouped, read.read_at) == (True, False, frames.time_of(NOON))


async def test_s16_mark_read_is_answered_with_what_is_left() -> None:
    notify, told = await said(READ, frames.MarkRead(notification_id="n1"))
    assert notify.asked(ReadNotice) == ReadNotice(user_id="alice", notification_id="n1")
    at = msgspec.to_builtins(frames.time_of(NOON))
    assert told == [
        {
            "type": "notification_read",
            "notification_id": "n1",
            "read_at": at,
            "unread_count": 5,
        }
    ]


async def test_s16_mark_all_read_is_answered_with_how_many() -> None:
    frame = frames.MarkAllRead(notification_type="mention", up_to="n1", client_id="c2")
    notify, [told] = await said(READ, frame)
    wanted = ReadNotices(user_id="alice", notification_type="mention", up_to="n1")
    assert notify.asked(ReadNotices) == wanted
    assert (told["type"], told["count"], told["unread_count"]) == ("notifications_read", 2, 5)
    assert (told["up_to"], told["client_id"]) == ("n1", "c2")


@pytest.mark.parametrize("client_id", ["c3", None])
async def test_s16_a_notification_is_confirmed_as_delivered(client_id: str | None) -> None:
    frame = frames.Delivered(notification_id="n1", client_id=client_id)
    notify, told = await said(READ, frame)
    assert notify.asked(DeliveredNotice) == DeliveredNotice(user_id="alice", notification_id="n1")
    assert [(one["type"], one["client_id"]) for one in told] == (
        [("ack", client_id)] if client_id else []
    )


ASKING: list[frames.ClientFrame] = [
    frames.GetNotifications(client_id="c"),
    frames.MarkRead(notification_id="n1", client_id="c"),
    frames.MarkAllRead(client_id="c"),
    frames.Delivered(notification_id="n1", client_id="c"),
]


@pytest.mark.parametrize("frame", ASKING, ids=lambda frame: type(frame).__name__)
async def test_s16_while_notify_is_away_the_error_is_temporary(frame: frames.ClientFrame) -> None:
    _, [told] = await said(NoResponders("The service is starting or away"), frame)
    assert (told["type"], told["code"], told["client_id"]) == ("error", "unavailable", "c")
    assert told["temporary"]


@pytest.mark.parametrize("frame", ASKING, ids=lambda frame: type(frame).__name__)
async def test_s16_what_is_not_ones_own_is_not_found(frame: frames.ClientFrame) -> None:
    _, [told] = await said(NotFound("There is no such notification"), frame)
    assert (told["code"], told["client_id"], told["temporary"]) == ("not_found", "c", False)


async def test_s16_an_unknown_type_is_an_invalid_frame_that_names_the_field() -> None:
    error = InvalidRequest("`notification_type`: there is no type of this name")
    _, [told] = await said(error, frames.GetNotifications(notification_type="no_such"))
    assert told["code"] == "invalid_frame"
    assert "`notification_type`" in told["message"]


async def test_an_answer_of_another_form_is_an_internal_error() -> None:
    bus: Any = FakeNotify(READ)
    with pytest.raises(Internal):
        await Notices(bus).ask(commands.Notices(user_id="alice"), NoticesAnswer)


async def test_c10_no_more_questions_wait_than_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(notices_module, "MAX_WAITING", 2)
    bus: Any = FakeNotify(READ)
    notices, asked = Notices(bus), ReadNotice(user_id="alice", notification_id="n1")
    first, second, third, *_ = await asyncio.gather(
        *(notices.ask(asked, ReadAnswer) for _ in range(3)), return_exceptions=True
    )
    assert (first, second, type(third)) == (READ, READ, Overloaded)
    assert await notices.ask(asked, ReadAnswer) == READ


def test_a_question_to_notify_costs_a_socket_more_than_a_frame() -> None:
    for kind in (frames.GetNotifications, frames.MarkRead, frames.MarkAllRead):
        assert reader.DEAR[kind] > 0
