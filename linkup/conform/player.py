"""Owns a plain WebSocket of a check, with all that it received.

It is rawer than the Python client, which would resend, resume and hide what a check wants to see.
"""

import asyncio
import json
import secrets
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from linkup.conform.tape import Tape
from linkup.conform.verdict import Unkept

Frame = dict[str, Any]

NOT_FEED = frozenset(
    {"welcome", "sync_completed", "resync_required", "pong", "connection_status"}
)  # carry a cursor that is no place of their own
ABNORMAL = 1006  # RFC 6455: lost without a close frame


class Player:
    """One socket of one user. `frames` holds everything received, in order."""

    def __init__(self, socket: ClientConnection, user_id: str, patience: float, tape: Tape) -> None:
        self.socket = socket
        self.user_id = user_id
        self.frames: list[Frame] = []
        self._patience = patience
        self._tape = tape
        self._who = f"{user_id.rpartition('-')[2]}#{secrets.token_hex(2)}"
        self._taken = 0
        self._count = 0

    # ------------------------------------------------------------ out

    async def send(self, kind: str, **fields: Any) -> None:
        await self.send_text(json.dumps({"type": kind, **fields}))

    async def send_text(self, text: str | bytes, *, as_text: bool | None = None) -> None:
        """Send exactly that: a str as a text frame, bytes as a binary one unless `as_text`."""
        self._tape.sent(self._who, text)
        try:
            await self.socket.send(text, text=as_text)
        except ConnectionClosed as closed:
            raise Unkept(f"{self._who} to have an open socket", _ending(closed)) from None

    async def send_fragments(self, parts: list[str]) -> None:
        """Send one text frame in several pieces."""
        self._tape.sent(self._who, f"({len(parts)} fragments of {len(parts[0])} characters)")
        try:
            await self.socket.send(parts)
        except ConnectionClosed:
            return  # refused before the last piece; `closed` tells with which code

    async def message(self, to: str, content: str, client_id: str = "", **fields: Any) -> Frame:
        """Send, and wait for its outcome: an `ack` or an `error`."""
        client_id = client_id or self.new_id()
        await self.send("message", to=to, content=content, client_id=client_id, **fields)
        return await self.outcome(client_id)

    async def acked(self, to: str, content: str, client_id: str = "", **fields: Any) -> Frame:
        """Send, and wait for its `ack`; any other outcome breaks the check."""
        outcome = await self.message(to, content, client_id, **fields)
        if outcome["type"] != "ack":
            raise Unkept("an ack", json.dumps(outcome))
        return outcome

    def new_id(self) -> str:
        self._count += 1
        return f"{self._who}-{self._count}"

    # ------------------------------------------------------------ in

    async def next(self, kind: str | None = None, **fields: Any) -> Frame:
        """Return the next frame of that type and with those fields; others are passed over."""
        wanted = (
            f"{self._who} to receive {kind or 'a frame'} {json.dumps(fields) if fields else ''}"
        )
        try:
            async with asyncio.timeout(self._patience):
                while True:
                    while self._taken < len(self.frames):
                        frame = self.frames[self._taken]
                        self._taken += 1
                        if kind in (None, frame.get("type")) and fields.items() <= frame.items():
                            return frame
                    await self._receive()
        except TimeoutError:
            raise Unkept(wanted, f"nothing like it in {self._patience:g} s") from None
        except ConnectionClosed as closed:
            raise Unkept(wanted, _ending(closed)) from None

    async def outcome(self, client_id: str) -> Frame:
        """Return the `ack` or `error` of that `client_id`."""
        while True:
            frame = await self.next(client_id=client_id)
            if frame["type"] in ("ack", "error"):
                return frame

    async def settled(self) -> Frame:
        """Return the `pong` that comes behind everything the server had queued."""
        stamp = self.new_id()
        await self.send("ping", timestamp=stamp)
        return await self.next("pong", timestamp=stamp)

    async def closed(self, seconds: float | None = None) -> int:
        """Wait for the end; its close code."""
        patience = seconds or self._patience
        try:
            async with asyncio.timeout(patience):
                while True:
                    await self._receive()
        except TimeoutError:
            raise Unkept(f"{self._who} to be closed", f"open after {patience:g} s") from None
        except ConnectionClosed:
            return self.socket.close_code or ABNORMAL

    async def _receive(self) -> None:
        text = await self.socket.recv()
        self._tape.received(self._who, text)
        try:
            frame = json.loads(text)
        except ValueError:
            frame = None
        if not isinstance(frame, dict) or isinstance(text, bytes):
            raise Unkept("text frames that hold a JSON object", repr(text[:200]))
        self.frames.append(frame)

    # ------------------------------------------------------------ what came

    def received(self, kind: str) -> list[Frame]:
        return [frame for frame in self.frames if frame.get("type") == kind]

    def cursors(self) -> list[int]:
        """Return the cursors of the feed frames, in the order of arrival."""
        return [
            frame["cursor"]
            for frame in self.frames
            if "cursor" in frame and frame["type"] not in NOT_FEED
        ]


def _ending(closed: ConnectionClosed) -> str:
    code = closed.rcvd.code if closed.rcvd else ABNORMAL
    return f"a socket closed with {code}"
