"""Owns the users that this client watches: subscribed again on each connection."""

from collections.abc import Callable, Iterable

from linkup_client import frames

MAX_FRAME = 500  # users in one frame
MAX_WATCHED = 1_000  # by one socket; the server refuses more

OnPresence = Callable[[frames.Presence], None]


class Watches:
    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._watched: dict[str, OnPresence] = {}
        self._known: dict[str, frames.Presence] = {}

    def watch(self, user_ids: Iterable[str], on_presence: OnPresence) -> None:
        wanted = dict.fromkeys(user_ids, on_presence)
        if len(self._watched | wanted) > MAX_WATCHED:
            raise ValueError(f"a client watches at most {MAX_WATCHED} users")
        self._watched |= wanted
        for user_id in wanted:
            self._known.pop(user_id, None)
        self._tell(frames.PresenceSubscribe, list(wanted))

    def unwatch(self, user_ids: Iterable[str]) -> None:
        given_up = [user_id for user_id in user_ids if self._watched.pop(user_id, None)]
        for user_id in given_up:
            self._known.pop(user_id, None)
        self._tell(frames.PresenceUnsubscribe, given_up)

    def connected(self) -> None:
        self._tell(frames.PresenceSubscribe, list(self._watched))

    def on_presence(self, told: frames.Presence) -> None:
        """Report a presence, except one that was reported already, as after a reconnect."""
        on_presence = self._watched.get(told.user_id)
        if on_presence is not None and self._known.get(told.user_id) != told:
            self._known[told.user_id] = told
            on_presence(told)

    def _tell(
        self,
        kind: type[frames.PresenceSubscribe | frames.PresenceUnsubscribe],
        user_ids: list[str],
    ) -> None:
        for start in range(0, len(user_ids), MAX_FRAME):
            self._send(frames.encode(kind(user_ids=user_ids[start : start + MAX_FRAME])))
