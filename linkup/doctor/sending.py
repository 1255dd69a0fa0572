"""Owns the check that sends one message between two reserved users."""

import asyncio
import secrets
import time
from typing import Any

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import WebSocketException

from linkup.calls import CallFailed
from linkup.doctor.seen import Seen
from linkup.doctor.verdict import Verdict, failed, passed, skipped
from linkup.installation.secret import secrets_of
from linkup.installation.tokens import Tokens
from shared.reserved import PREFIX

TIMEOUT = 8.0  # seconds
FIX = "See what the other checks say, and the logs of the services."


class Unsent(Exception):
    """The message did not get through. The text names the step that failed."""


async def sent(seen: Seen, command: str = "") -> Verdict:
    """Send a message and check its way. `command` prints the tokens, in place of the secret."""
    url = seen.url("gateway")
    if not url:
        return skipped("send", "the address of a gateway is not known: pass --url")
    chosen = seen.settings
    names = (chosen.jwt_audience, chosen.jwt_issuer)
    tokens = Tokens(url, ",".join(secrets_of(chosen)), *names, command)
    run = secrets.token_hex(4)
    users = [f"{PREFIX}doctor-{run}-{each}" for each in "ab"]
    try:
        given = [await asyncio.to_thread(tokens.of, user_id) for user_id in users]
        async with asyncio.timeout(TIMEOUT):
            return passed("send", await _whole_way(url, users, given))
    except TimeoutError:
        return failed("send", f"no answer for {TIMEOUT:.0f} s", FIX)
    except (CallFailed, Unsent, WebSocketException, OSError) as error:
        return failed("send", str(error) or type(error).__name__, FIX)


async def _whole_way(url: str, users: list[str], tokens: list[str]) -> str:
    """Return the duration of each step. Raises Unsent."""
    where = url.replace("http", "ws", 1) + "/ws"
    async with connect(where) as one, connect(where) as other:
        for socket, token in ((one, tokens[0]), (other, tokens[1])):
            await _say(socket, type="hello", token=token)
            await _hear(socket, "welcome")
        began = time.monotonic()
        await _say(one, type="message", client_id="doctor", to=users[1], content="doctor")
        ack = await _hear(one, "ack")
        acked = time.monotonic() - began
        await _hear(other, "message", message_id=ack["message_id"])
        received = time.monotonic() - began
        place = {"conversation_id": ack["conversation_id"]}
        await _say(other, type="mark_chat_read", up_to=ack["seq"], **place)
        await _hear(one, "receipt", read_seq=ack["seq"])
        read = time.monotonic() - began
    steps = {"stored": acked, "received": received, "read": read}
    return ", ".join(f"{step} after {1000 * took:.1f} ms" for step, took in steps.items())


async def _say(socket: ClientConnection, **frame: Any) -> None:
    await socket.send(msgspec.json.encode(frame).decode())


async def _hear(socket: ClientConnection, kind: str, **fields: Any) -> dict[str, Any]:
    """Return the next frame of that type with those fields. Raises Unsent for an error frame."""
    async for text in socket:
        frame: dict[str, Any] = msgspec.json.decode(text)
        if frame.get("type") == kind and fields.items() <= frame.items():
            return frame
        if frame.get("type") == "error":
            raise Unsent(f"{frame.get('code')}: {frame.get('message')}")
    raise Unsent(f"the gateway closed the socket ({socket.close_code}) before {kind}")
