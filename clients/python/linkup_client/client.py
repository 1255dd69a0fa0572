"""Owns the client: one user's connection to LinkUp messaging, which reconnects by itself."""

import asyncio
import uuid
from collections.abc import Iterable, Sequence
from types import TracebackType
from typing import BinaryIO, Self

from linkup_client import frames
from linkup_client.api import Api
from linkup_client.backoff import Timing
from linkup_client.errors import LinkupError, RequestFailed, SendFailed
from linkup_client.files import FileLink, Files
from linkup_client.http import Http
from linkup_client.link import State
from linkup_client.roads import Road
from linkup_client.tokens import Token, Tokens
from linkup_client.traffic import Traffic
from linkup_client.watches import OnPresence


class Client:
    """Made by `connect`. Iterate it for the events of the user's feed, in order, once each.

    `notifications` has the user's notifications, and `typing` who is typing: these are not part of
    the feed. `api` has the other calls over HTTP.
    `epoch` and `cursor` say what the iteration has handed out: store them after an event was
    dealt with, and give them to the next `connect`, to go on from there.
    """

    def __init__(
        self,
        url: str,
        token: Token,
        *,
        user_id: str | None,
        epoch: str | None,
        cursor: int | None,
        timing: Timing,
    ) -> None:
        self._url = url
        self._tokens = Tokens(token, user_id)
        self._files = Files(url, self._tokens.get)
        self._traffic = Traffic(url, self._tokens, timing, epoch=epoch, cursor=cursor)
        self.notifications = self._traffic.notifications
        self.typing = self._traffic.typists
        self.api = Api(Http(url, self._tokens.get))
        self._run: asyncio.Task[None] | None = None
        self._fault: BaseException | None = None

    @property
    def user_id(self) -> str | None:
        """The user that was named, or that the server has welcomed; None before."""
        return self._tokens.user_id

    @property
    def name(self) -> str | None:
        """The name of the user, as the server told with the latest WebSocket; None before."""
        return self._traffic.name

    @property
    def limits(self) -> frames.Limits:
        """The limits of the server; its defaults, until it has told them."""
        return self._traffic.limits

    @property
    def state(self) -> State:
        return self._traffic.roads.state

    @property
    def road(self) -> Road | None:
        """The transport: `http` while no WebSocket can be opened; None while not connected."""
        return self._traffic.roads.road

    @property
    def epoch(self) -> str | None:
        return self._traffic.inbox.epoch

    @property
    def cursor(self) -> int | None:
        return self._traffic.inbox.cursor

    @property
    def pending(self) -> int:
        """Messages without an ack yet."""
        return len(self._traffic.outbox)

    async def send(
        self,
        content: str = "",
        *,
        to: str | None = None,
        conversation_id: str | None = None,
        client_id: str | None = None,
        reply_to: int | None = None,
        attachments: Sequence[str] = (),
    ) -> frames.Ack:
        """Send to a user or a conversation, until it is stored or refused for good.

        `reply_to`: the id of a message of the same conversation. `attachments`: the ids of at most
        ten uploads, beside which `content` may be empty.

        What one client sends to a conversation keeps its order. Cancelling stops the waiting, not
        the message. Raises SendFailed, OutboxFull; OutcomeUnknown when the client is closed first.
        """
        if (to is None) == (conversation_id is None):
            raise ValueError("give either `to` or `conversation_id`")
        self._check_alive()
        frame = frames.SendMessage(
            client_id=client_id or uuid.uuid4().hex,
            content=content,
            to=to,
            conversation_id=conversation_id,
            reply_to=reply_to,
            attachments=list(attachments),
        )
        if len(frames.encode(frame)) > self.limits.max_frame_bytes:
            raise SendFailed("too_large", f"a frame holds {self.limits.max_frame_bytes} bytes")
        return await self._traffic.outbox.submit(frame)

    async def upload(self, file: BinaryIO | bytes, name: str) -> frames.Attachment:
        """Send up a file, for a message to carry within a day. Raises FileFailed.

        Read as it goes, in a thread. Cancelled, it is cut off, and the server keeps nothing.
        """
        return await self._files.upload(file, name)

    async def file_link(self, attachment_id: str) -> FileLink:
        """Get the URLs of a file, which need no token and expire in minutes. Raises FileFailed."""
        return await self._files.link(attachment_id)

    async def delivered(self, conversation_id: str, seq: int) -> None:
        """Tell that this device holds everything of the conversation up to `seq`. It is told again
        if need be."""
        self._check_alive()
        self._traffic.marks.delivered(conversation_id, seq, _now())

    async def mark_read(self, conversation_id: str, *, up_to: int) -> None:
        """Tell that the user has read everything of the conversation up to the seq `up_to`."""
        self._check_alive()
        self._traffic.marks.read(conversation_id, up_to, _now())

    def watch(self, user_ids: Iterable[str], on_presence: OnPresence) -> None:
        """Have `on_presence` called with how it stands with each of these users, and with every
        change, through reconnects. Nothing is learnt of whom this user shares no conversation
        with. Raises ValueError above 1,000 users."""
        self._traffic.watches.watch(user_ids, on_presence)

    def unwatch(self, user_ids: Iterable[str]) -> None:
        self._traffic.watches.unwatch(user_ids)

    async def close(self) -> None:
        """Hang up. Whoever still waits for an ack gets OutcomeUnknown."""
        if self._run is not None:
            self._run.cancel()
            await asyncio.wait((self._run,))

    async def logout(self) -> None:
        """Close the connection, and revoke the token that was used last, which closes all other
        WebSockets that use it. Raises RequestFailed if the server cannot be reached."""
        await self.close()
        token = self._tokens.latest
        try:
            await Http(self._url, token or "").ask("POST", "/v1/logout", None, object)
        except RequestFailed as refused:
            if refused.code != "unauthorized":
                raise

    async def __aenter__(self) -> Self:
        """Come in: returns when the server has said welcome. Raises ConnectionRefused."""
        self._run = asyncio.create_task(self._traffic.roads.run())
        self._run.add_done_callback(self._over)
        try:
            await self._traffic.welcomed
        except BaseException:
            await self.close()
            raise
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> frames.Event:
        """Return the next event. Ends after `close`. Raises what ended the connection for good."""
        event = await self._traffic.inbox.take()
        if event is not None:
            return event
        if self._fault is not None:
            raise self._fault
        raise StopAsyncIteration

    def _over(self, run: asyncio.Task[None]) -> None:
        self._fault = None if run.cancelled() else run.exception()
        self._traffic.roads.end("disconnected" if self._fault is None else "failed")
        self._traffic.outbox.give_up(self._fault)
        self._traffic.inbox.close()
        if self._fault is not None and not self._traffic.welcomed.done():
            self._traffic.welcomed.set_exception(self._fault)

    def _check_alive(self) -> None:
        if self._fault is not None:
            raise self._fault
        if self._run is None or self._run.done():
            raise LinkupError("the client is not connected: use `async with connect(…)`")


def connect(
    url: str,
    token: Token,
    *,
    user_id: str | None = None,
    epoch: str | None = None,
    cursor: int | None = None,
    timing: Timing | None = None,
) -> Client:
    """A client for `async with`. Tries without end: put `asyncio.timeout` around to bound it.

    `url`: ws:// or wss://, ending in /ws. `token`: a JWT or ticket, or an async function that gets
    a fresh one for each connection. `user_id`: whose it has to be; without it, the first token
    says so. Nothing is sent with a token of another user: it ends the client with ConnectionRefused
    (4401). `epoch` and `cursor`: where an earlier client stopped; without
    them the events begin now.
    """
    if (epoch is None) != (cursor is None):
        raise ValueError("`epoch` and `cursor` belong together")
    return Client(
        url,
        token,
        user_id=user_id,
        epoch=epoch,
        cursor=cursor,
        timing=timing or Timing(),
    )


def _now() -> float:
    return asyncio.get_running_loop().time()
