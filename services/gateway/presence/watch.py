"""Owns one watched user: the assumed state, and the WebSockets to inform."""

from dataclasses import dataclass, field

from services.gateway.presence.belief import Belief
from services.gateway.socket.connection import Connection
from shared import frames
from shared.bus import Subscription


@dataclass(slots=True, eq=False)
class Watch:
    """A watched user.

    `last_seen` is in microseconds since 1970 as far as it is known, or 0. `owed` has the watchers
    who have not been told yet; a socket that does not keep up is told later, and only how it stands
    then (C10).
    """

    user_id: str
    belief: Belief
    last_seen: int = 0
    watchers: set[Connection] = field(default_factory=set)
    owed: set[Connection] = field(default_factory=set)
    subscription: Subscription | None = None

    def join(self, connection: Connection) -> None:
        self.watchers.add(connection)
        self.owed.add(connection)

    def leave(self, connection: Connection) -> None:
        self.watchers.discard(connection)
        self.owed.discard(connection)

    def seen(self, at: int) -> None:
        self.last_seen = max(at, self.last_seen)

    def changed(self) -> None:
        self.owed |= self.watchers
        self.tell()

    def tell(self) -> None:
        if self.owed and self.belief.online is not None:
            told = presence(self.user_id, self.belief.online, self.last_seen)
            frame = frames.encode(told)
            self.owed = {connection for connection in self.owed if not connection.offer(frame)}


def presence(user_id: str, online: bool, last_seen: int | None) -> frames.Presence:
    at = frames.time_of(last_seen) if last_seen and not online else None
    return frames.Presence(user_id=user_id, is_online=online, last_seen=at)
