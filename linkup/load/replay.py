"""Owns the replay of a recorded conversation: it is sent in order and read back."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import AsyncExitStack
from pathlib import Path

import msgspec
from linkup_client import Ack, Client, LinkupError, connect
from msgspec import Struct

from linkup.installation.tokens import Tokens
from linkup.load.history import StoredMessage, history
from shared.reserved import PREFIX

CONNECT_TIMEOUT = 20.0


class ReplayFailed(Exception):
    """The recording cannot be read or sent; the text says why."""


class Recorded(Struct, frozen=True, rename={"sender": "from"}):
    """One line of the recording."""

    sender: str
    to: str
    content: str


class ReplayReport(Struct, frozen=True, kw_only=True):
    conversations: list[str]
    sent: int
    stored: int
    mismatched: int
    first_mismatch: str | None

    @property
    def sound(self) -> bool:
        return self.sent == self.stored and not self.mismatched


async def run(
    socket_url: str, url: str, tokens: Tokens, file: Path, progress: Callable[[str], None]
) -> ReplayReport:
    """Send the whole file, one message after the other, and compare what the server shows.

    Under reserved ids, the same each time: whoever has the names of the file gets none of it.
    Raises ReplayFailed and CallFailed.
    """
    lines = [_by_us(line) for line in read(file)]
    await asyncio.to_thread(tokens.check, f"{PREFIX}load-first")
    try:
        acks = await _send(socket_url, tokens, lines, progress)
    except LinkupError as error:
        raise ReplayFailed(f"the server does not take it: {error}") from None
    except TimeoutError:
        raise ReplayFailed(f"cannot connect to {socket_url}: is it running?") from None
    return await asyncio.to_thread(_compare, url, tokens, lines, acks)


def read(file: Path) -> list[Recorded]:
    lines = []
    for number, text in enumerate(file.read_bytes().splitlines(), start=1):
        try:
            if text.strip():
                lines.append(msgspec.json.decode(text, type=Recorded))
        except msgspec.MsgspecError as error:
            raise ReplayFailed(f"{file}, line {number}: {error}") from None
    if not lines:
        raise ReplayFailed(f"{file} holds no messages")
    return lines


def _by_us(line: Recorded) -> Recorded:
    sender, to = (f"{PREFIX}load-{name}" for name in (line.sender, line.to))
    return Recorded(sender, to, line.content)


async def _send(
    socket_url: str, tokens: Tokens, lines: list[Recorded], progress: Callable[[str], None]
) -> list[Ack]:
    """Send each only after the ack of the one before: that alone makes the order one for all
    senders."""
    async with AsyncExitStack() as stack:
        clients: dict[str, Client] = {}
        for user_id in dict.fromkeys(user for line in lines for user in (line.sender, line.to)):
            token = await asyncio.to_thread(tokens.of, user_id)
            async with asyncio.timeout(CONNECT_TIMEOUT):
                clients[user_id] = await stack.enter_async_context(connect(socket_url, token))
        acks = []
        for number, line in enumerate(lines, start=1):
            acks.append(await clients[line.sender].send(line.content, to=line.to))
            progress(f"sent {number} of {len(lines)}")
        return acks


def _compare(url: str, tokens: Tokens, lines: list[Recorded], acks: list[Ack]) -> ReplayReport:
    sent: dict[str, list[Recorded]] = {}
    ids = {ack.message_id for ack in acks}
    for line, ack in zip(lines, acks, strict=True):
        sent.setdefault(ack.conversation_id, []).append(line)
    faults: list[str] = []
    stored = 0
    for conversation_id, recorded in sent.items():
        shown = history(url, tokens.of(recorded[0].sender), conversation_id)
        ours = [message for message in shown if message.message_id in ids]
        stored += len(ours)
        faults += _differences(conversation_id, recorded, ours)
    return ReplayReport(
        conversations=list(sent),
        sent=len(lines),
        stored=stored,
        mismatched=len(faults),
        first_mismatch=faults[0] if faults else None,
    )


def _differences(
    conversation_id: str, recorded: list[Recorded], stored: list[StoredMessage]
) -> Iterable[str]:
    for number, (line, message) in enumerate(zip(recorded, stored, strict=False), start=1):
        same = line.content.encode() == message.content.encode()
        if not same or line.sender != message.sender_id:
            yield f"message {number} of {conversation_id} (seq {message.seq})"


def in_words(report: ReplayReport) -> str:
    text = f"{report.sent} sent, {report.stored} stored in {len(report.conversations)} conversation"
    text += "s" if len(report.conversations) > 1 else ""
    if report.sound:
        return f"{text}: the same, byte for byte, in the same order"
    return f"{text}, {report.mismatched} differ: first {report.first_mismatch or 'at the end'}"
