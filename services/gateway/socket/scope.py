"""Owns WebSockets for a part of the feed: one conversation, or none.

Each is the one socket with the same frames. What a view does not show is stepped over: its cursor
moves on all the same.
"""

from dataclasses import dataclass

import msgspec
from msgspec import UNSET, Raw, Struct, UnsetType
from starlette.types import Scope

from services.gateway.upstream.queries import Log
from shared import frames, subjects
from shared.errors import NotFound
from shared.frames import ClientFrame
from shared.reserved import are_apart

NOTIFICATIONS = "/ws/notifications/"
CHAT = "/ws/chat/{user_id}/"


class _Named(Struct):
    """The recipient of a frame, as far as the frame names one."""

    type: str = ""
    to: Raw | UnsetType = UNSET
    conversation_id: Raw | UnsetType = UNSET


_named = msgspec.json.Decoder(_Named)


@dataclass(slots=True, frozen=True)
class View:
    """The part of a user's events that a socket gets. `only` is the conversation that is shown;
    None stands for all of them, and "" for what is about none. `to` names whom a frame is for that
    does not say so."""

    only: str | None = None
    to: str = ""

    def shows(self, conversation_id: str) -> bool:
        return self.only is None or conversation_id == self.only

    def shows_event(self, body: bytes) -> bool:
        return self.only is None or frames.conversation_of(body) == self.only

    def decode(self, text: str) -> ClientFrame:
        """Raises InvalidFrame and TooLarge."""
        if not self.to or frames.size(text) > frames.MAX_FRAME_BYTES or not _is_open(text):
            return frames.decode(text)
        to = msgspec.json.encode(self.to).decode()
        addressed = f'{{"to":{to},{text.lstrip()[1:]}'
        return frames.decode(addressed, frames.size(addressed))


ALL = View()


def _is_open(text: str) -> bool:
    """Return whether the frame needs a recipient and names none."""
    try:
        named = _named.decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return False  # its fault is named where it is decoded as a frame
    unsaid = named.to is UNSET and named.conversation_id is UNSET
    return unsaid and named.type in ("message", "typing")


async def view_of(scope: Scope, user_id: str, log: Log) -> View:
    """Return the scope of a path. Raises NotFound for an unknown user, and Unavailable."""
    if scope["path"].endswith(NOTIFICATIONS):
        return View(only="")
    to = scope["path_params"].get("user_id")
    if to is None:
        return ALL
    await _known(to, user_id, log)
    return View(only=subjects.direct_conversation_id(user_id, to), to=to)


async def _known(to: str, user_id: str, log: Log) -> None:
    try:
        msgspec.convert(to, frames.UserId)
    except msgspec.ValidationError:
        raise NotFound("There is no such user") from None
    unknown = to != user_id and (await log.join(to)).profile is None
    if unknown or are_apart(to, user_id):
        raise NotFound("There is no such user")
