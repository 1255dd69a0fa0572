"""Owns the ASGI messages of a WebSocket before and after its connection exists."""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from msgspec import Struct
from starlette.types import Scope
from uvicorn.protocols.utils import ClientDisconnected

from services.gateway.socket.wire import EXTENSION, Wire
from shared import frames
from shared.errors import InvalidFrame, LinkupError
from shared.frames import CloseCode


class Disconnected(Exception):
    """The peer went away; `args` holds the close code."""


def wire_in(scope: Scope) -> Wire:
    wire: Wire = scope["extensions"][EXTENSION]
    return wire


def header(scope: Scope, name: bytes) -> str | None:
    """Return the first header of that name, in lower case."""
    for key, value in scope["headers"]:
        if key == name:
            return str(value, "latin-1")
    return None


async def accept(wire: Wire, subprotocol: str | None) -> None:
    await wire.receive()  # `websocket.connect`: it always comes first
    await wire.send({"type": "websocket.accept", "subprotocol": subprotocol})


async def refuse(wire: Wire) -> None:
    """Refuse the socket instead of accepting it: HTTP 403."""
    await wire.send({"type": "websocket.close"})


async def receive(wire: Wire) -> str:
    """Return the next text frame. Raises Disconnected, and InvalidFrame for a binary one."""
    message: Mapping[str, Any] = await wire.receive()
    if message["type"] == "websocket.disconnect":
        raise Disconnected(message.get("code", CloseCode.LOST))
    text: str | None = message.get("text")
    if text is None:
        raise InvalidFrame("Frames must be text, not binary")
    return text


async def say(wire: Wire, frame: Struct) -> None:
    await wire.writable.wait()
    wire.write([frames.encode(frame)])


async def say_error(wire: Wire, error: LinkupError) -> None:
    await say(wire, frames.error_of(error))


async def close(wire: Wire, code: int) -> None:
    """Close the socket, unless the peer or the wire has done so."""
    if not wire.close_sent:
        with suppress(ClientDisconnected):
            await wire.send({"type": "websocket.close", "code": int(code)})
