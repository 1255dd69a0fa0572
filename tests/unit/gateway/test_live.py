"""A live frame goes to the right sockets of a user, by the kind of the socket."""

from typing import Any, Literal

import pytest

from services.gateway.auth import Identity
from services.gateway.socket.connection import Connection
from services.gateway.socket.scope import ALL, View
from shared import commands, frames, subjects
from shared.bus import Delivery, Handler
from shared.commands import Live
from tests.unit.gateway.fakes import FakeLog, FakeOutbox
from tests.unit.gateway.test_hub_users import Wire, hub_on

HERE = "d1"
VIEWS = {
    "whole": ALL,  # /ws
    "chat": View(only=HERE, to="bob"),  # /ws/chat/bob/
    "elsewhere": View(only="d2", to="carol"),  # /ws/chat/carol/
    "notifications": View(only=""),  # /ws/notifications/
}
FRAME = frames.encode(frames.BadgeUpdate(unread_count=3))


class Listening(Wire):
    """A bus that keeps what listens on it."""

    async def subscribe(self, subject: str, deliver: Handler) -> Wire:
        self.deliver = deliver
        return self

    def say(self, live: Live) -> None:
        self.deliver(Delivery(subjects.live(live.user_id), commands.encode(live), ""))


async def joined(wire: Listening) -> dict[str, tuple[Connection, FakeOutbox]]:
    hub, sockets = hub_on(wire), {}
    for name, view in VIEWS.items():
        outbox: Any = FakeOutbox()
        socket = Connection(Identity(user_id="alice", expires_at=1e12), FakeLog(), outbox, print)
        socket.view = view
        await hub.join(socket)
        socket.feed.start("e1", 0, 0)
        sockets[name] = socket, outbox
    return sockets


@pytest.mark.parametrize(
    ("to", "conversation_id", "wanted"),
    [
        ("viewers", HERE, {"whole", "chat"}),
        ("others", HERE, {"elsewhere", "notifications"}),
        ("all", HERE, {"whole", "chat", "elsewhere", "notifications"}),
        ("viewers", "", {"whole", "notifications"}),
        ("all", "", {"whole", "chat", "elsewhere", "notifications"}),
    ],
)
async def test_s2_a_live_frame_reaches_the_sockets_it_is_for(
    to: Literal["viewers", "others", "all"], conversation_id: str, wanted: set[str]
) -> None:
    wire = Listening()
    sockets = await joined(wire)
    wire.say(Live(user_id="alice", conversation_id=conversation_id, frame=FRAME, to=to))
    told = {name for name, (_, outbox) in sockets.items() if "badge_update" in types(outbox)}
    assert told == wanted


def types(outbox: FakeOutbox) -> list[str]:
    return [frame["type"] for frame in outbox.frames]


async def test_s24_only_a_badge_changes_what_a_socket_was_told() -> None:
    wire = Listening()
    sockets = await joined(wire)
    other = frames.encode(
        frames.NotificationRead(notification_id="n1", read_at=frames.time_of(1), unread_count=9)
    )
    wire.say(Live(user_id="alice", conversation_id="", frame=other, to="all"))
    assert {socket.badge for socket, _ in sockets.values()} == {None}
    wire.say(Live(user_id="alice", conversation_id="", frame=FRAME, to="all"))
    assert {socket.badge for socket, _ in sockets.values()} == {3}
