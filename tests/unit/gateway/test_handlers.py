"""Each client frame becomes the right command or query."""

import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest

from services.gateway.upstream.gate import Gate
from shared import frames
from shared.commands import (
    AdvanceReceipt,
    Command,
    Done,
    ReadMessages,
    Refused,
    Result,
    StoreMessage,
)
from shared.errors import InvalidFrame, LinkupError
from shared.subjects import direct_conversation_id
from tests.unit.gateway.fakes import Socket, handlers

GOLDEN = {
    path.stem: path.read_text("utf-8")
    for path in (Path(__file__).parents[2] / "contract" / "golden").glob("client.*.json")
}


class FakeLanes:
    """Keeps what was submitted; `answer` settles the last of it."""

    def __init__(self) -> None:
        self.submitted: list[tuple[Command, Callable[[Result], None], Gate | None]] = []

    def submit(
        self, command: Command, settle: Callable[[Result], None], gate: Gate | None = None
    ) -> None:
        self.submitted.append((command, settle, gate))

    @property
    def command(self) -> Command:
        return self.submitted[-1][0]

    def answer(self, result: Result) -> None:
        self.submitted[-1][1](result)


class Talk:
    def __init__(self) -> None:
        self.lanes = FakeLanes()
        self.handlers = handlers(self.lanes)
        self.socket = Socket()

    def says(self, frame: frames.ClientFrame) -> None:
        self.handlers.handle(self.socket.connection, frame)

    def receipt(self, frame: frames.ClientFrame) -> AdvanceReceipt:
        self.says(frame)
        assert isinstance(self.lanes.command, AdvanceReceipt)
        return self.lanes.command


def test_a_message_to_a_user_goes_to_their_direct_conversation() -> None:
    talk, begun = Talk(), time.time_ns() // 1000
    talk.says(frames.SendMessage(client_id="c1", content="hi", to="bob", after="c0"))
    assert isinstance(talk.lanes.command, StoreMessage)
    assert talk.lanes.command == StoreMessage(
        user_id="alice",
        connection_id=talk.socket.connection.id,
        client_id="c1",
        conversation_id=direct_conversation_id("alice", "bob"),
        content="hi",
        to="bob",
        after="c0",
        accepted_at=talk.lanes.command.accepted_at,
    )
    assert begun <= talk.lanes.command.accepted_at <= time.time_ns() // 1000
    assert talk.lanes.submitted[-1][2] is talk.socket.connection.gate


def test_a_message_to_a_conversation_names_no_recipient() -> None:
    talk = Talk()
    talk.says(frames.SendMessage(client_id="c1", content="hi", conversation_id="d1"))
    assert isinstance(talk.lanes.command, StoreMessage)
    assert (talk.lanes.command.conversation_id, talk.lanes.command.to) == ("d1", None)


def test_r13_reading_without_a_bound_ends_at_what_this_socket_was_sent() -> None:
    talk = Talk()
    talk.socket.start()
    frame = frames.MarkChatRead(conversation_id="ab")
    assert talk.receipt(frame).read_seq == 0
    talk.socket.connection.sent["ab"] = 7
    talk.socket.connection.sent["ac"] = 9
    assert talk.receipt(frame).read_seq == 7


def test_r13_a_bound_of_the_clients_own_counts() -> None:
    talk = Talk()
    talk.socket.connection.sent["ab"] = 7
    told = talk.receipt(frames.MarkChatRead(conversation_id="ab", up_to=3))
    assert (told.conversation_id, told.read_seq, told.delivered_seq) == ("ab", 3, 0)


def test_receipts_move_one_mark_each() -> None:
    talk = Talk()
    told = talk.receipt(frames.Delivered(conversation_id="ab", seq=4))
    assert (told.delivered_seq, told.read_seq, told.read_message_id) == (4, 0, 0)
    told = talk.receipt(frames.ReadReceipt(message_id=12))
    assert (told.conversation_id, told.read_message_id) == ("", 12)
    assert told.connection_id == talk.socket.connection.id


def test_a_receipt_is_answered_when_it_failed_or_has_a_client_id() -> None:
    talk = Talk()
    talk.says(frames.Delivered(conversation_id="ab", seq=4))
    talk.lanes.answer(Done())
    assert talk.socket.outbox.take() == []
    talk.lanes.answer(Refused("not_found", "There is no such message or conversation"))
    assert talk.socket.outbox.take()[0]["code"] == "not_found"
    talk.says(frames.Delivered(conversation_id="ab", seq=4, client_id="r1"))
    talk.lanes.answer(Done())
    assert talk.socket.outbox.take() == [{"type": "ack", "client_id": "r1", "duplicate": False}]


def test_r4_a_pong_tells_the_cursor_of_what_was_passed_on() -> None:
    talk = Talk()
    talk.socket.connection.feed.cursor, talk.socket.connection.feed.seen = 3, 9
    talk.says(frames.Ping(timestamp="t"))
    assert talk.socket.outbox.take() == [{"type": "pong", "cursor": 3, "timestamp": "t"}]


def test_a_second_hello_is_an_error() -> None:
    with pytest.raises(InvalidFrame, match="hello"):
        Talk().says(frames.Hello())


def test_bulk_read_receipt_is_one_command_whatever_the_number_of_messages() -> None:
    talk = Talk()
    talk.says(frames.BulkReadReceipt(message_ids=[3, 1, 2]))
    assert talk.lanes.command == ReadMessages(
        user_id="alice", connection_id=talk.socket.connection.id, message_ids=[3, 1, 2]
    )
    talk.lanes.answer(Done())
    assert talk.socket.connection.close_code is None


@pytest.mark.parametrize("name", sorted(GOLDEN))
async def test_d13_every_frame_of_a_client_has_a_case(name: str) -> None:
    with suppress(LinkupError):  # a second hello, a token that is none
        Talk().says(frames.decode(GOLDEN[name]))
