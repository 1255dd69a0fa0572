"""Owns the start of a WebSocket: `hello`, authentication, and `welcome`.

A token in the header says who it is as well; `hello` is optional then.
"""

import asyncio
from dataclasses import dataclass

from starlette.types import Scope

from services.gateway.auth import Authenticator, Identity, bearer
from services.gateway.socket.asgi import header, receive, say_error
from services.gateway.socket.connection import Connection
from services.gateway.socket.feed import resume_point
from services.gateway.socket.refusals import address_of, note
from services.gateway.socket.wire import REFUSED, Wire
from services.gateway.upstream.tickets import Tickets, is_ticket
from shared import frames
from shared.commands import Joined, Profile
from shared.errors import InvalidFrame, LinkupError, TooLarge, Unauthorized
from shared.frames import Hello
from shared.http.turns import Turns
from shared.settings import Settings

HELLO_BYTES = 4096
BEARER_HELLO_TIMEOUT = 1.0  # with a header, hello is optional: this long it may still come

# Who it is, its hello, and the first frame if that was none.
Greeted = tuple[Identity, Hello, str | None]


@dataclass(slots=True, frozen=True)
class Greeting:
    settings: Settings
    auth: Authenticator
    tickets: Tickets
    turns: Turns

    async def identify(self, scope: Scope, wire: Wire) -> Greeted:
        """Raises Disconnected, LinkupError, and TimeoutError when nothing is said."""
        token = bearer(header(scope, b"authorization"))
        if token is not None:
            return await _by_header(wire, await self.auth.identify(token))
        async with asyncio.timeout(self.settings.hello_timeout):
            hello = await _hello(wire)
        await self.turns.turn()
        if hello.token is None:
            raise Unauthorized("`hello` needs a `token`")
        if is_ticket(hello.token):
            return await self.tickets.redeem(hello.token, address_of(scope)), hello, None
        return await self.auth.identify(hello.token), hello, None

    def welcome(self, connection: Connection, hello: Hello, joined: Joined) -> bool:
        """Say where the feed goes on, and begin it there; whether nothing was missed."""
        cursor, reason = resume_point(hello, joined)
        identity, stored = connection.identity, joined.profile or Profile(user_id="")
        connection.push(
            frames.Welcome(
                user_id=connection.user_id,
                name=_shown(identity.name, stored.name),
                avatar=_shown(identity.avatar, stored.avatar),
                connection_id=connection.id,
                epoch=joined.epoch,
                cursor=cursor,
                heartbeat_ms=int(self.settings.heartbeat * 1000),
                recovered=reason is None,
                limits=limits_of(self.settings),
            )
        )
        if reason is not None:
            connection.push(frames.ResyncRequired(reason=reason, epoch=joined.epoch, cursor=cursor))
        connection.feed.start(joined.epoch, cursor, joined.head)
        return reason is None


def _shown(told: str | None, stored: str | None) -> str | None:
    """Return what the token says, which is stored by now, or else what was stored before."""
    return (stored if told is None else told) or None


async def _hello(wire: Wire) -> Hello:
    """Return the first frame that is one; what is malformed gets its error and another chance."""
    while True:
        try:
            frame = frames.decode(await receive(wire), HELLO_BYTES)
        except (InvalidFrame, TooLarge) as error:
            wire.charge(REFUSED)
            note(error.code)
            await say_error(wire, error)
            continue
        if not isinstance(frame, Hello):
            raise Unauthorized("The first frame must be `hello` with a token")
        return frame


async def _by_header(wire: Wire, identity: Identity) -> Greeted:
    try:
        async with asyncio.timeout(BEARER_HELLO_TIMEOUT):
            text = await receive(wire)
    except TimeoutError:
        return identity, Hello(), None
    try:
        frame = frames.decode(text)
    except LinkupError:
        return identity, Hello(), text
    return (identity, frame, None) if isinstance(frame, Hello) else (identity, Hello(), text)


def limits_of(settings: Settings) -> frames.Limits:
    return frames.Limits(
        message_burst=settings.message_burst,
        message_rate=settings.message_rate,
        edit_window_seconds=settings.edit_window,
        delete_window_seconds=settings.delete_window,
    )
