"""A real SMTP server that misbehaves on demand, a log in memory, notify itself."""

import asyncio
import os
import signal
import socket
import sqlite3
import subprocess
import sys
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from pathlib import Path
from typing import Any, TypeVar

from aiosmtpd.smtp import SMTP, AuthResult
from msgspec import Struct

from services.notify.app import open_app
from services.notify.ladder.delivery import Channel, Delivery, Ending, Outcome, Waits
from services.notify.ladder.log import concerned, told
from services.notify.store import handover
from services.notify.store.store import Store
from shared import bus, subjects
from shared.commands import (
    Joined,
    Joins,
    JoinsAnswer,
    LogPage,
    LogPageAnswer,
    LogRow,
    Marks,
    MarksAnswer,
    MarksRow,
    Preview,
    Profile,
    Standing,
    Unread,
    decode,
    encode,
    open_answer,
)
from shared.health.endpoints import Health
from shared.health.records import use
from shared.settings import Settings, to_environment
from tests.support.blocking import watched
from tests.support.ports import port_of
from tests.support.processes import tied
from tests.support.waiting import eventually, within

T = TypeVar("T", bound=Struct)

# An e-mail for each unread message, unless a test is about the waiting.
AT_ONCE: dict[str, Any] = {"notify_email_after": 0.0, "notify_email_pause": 0.0}
WAITS: dict[Channel, Waits] = {"email": Waits(unread=0, pause=0)}


async def settle(store: Store, group: Delivery, outcome: Outcome, now: int) -> bool:
    """As the courier does."""
    endings = [Ending(group, outcome)]
    [settled], _ = await store.between(
        lambda raw: handover.advance(raw, endings, [], now, WAITS["email"])
    )
    return settled


def rows(database: Path) -> list[dict[str, Any]]:
    """The deliveries as they are on the disk, oldest first."""
    if not database.exists():
        return []
    with closing(sqlite3.connect(database, timeout=5)) as connection:
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA query_only = 1")
        try:
            found = connection.execute("SELECT * FROM deliveries ORDER BY created_at").fetchall()
        except sqlite3.OperationalError:
            return []  # the schema is being made
        return [dict(row) for row in found]


def states(database: Path) -> list[str]:
    return [row["state"] for row in rows(database)]


class FakeLog:
    """Answers `log` and `marks` as persistence does, from dictionaries."""

    def __init__(self) -> None:
        self.epoch = "e1"
        self.writer = "w1"
        self.rows: list[LogRow] = []
        self.messages: dict[str, list[Preview]] = {}
        self.members: dict[str, tuple[str, ...]] = {}
        self.read: dict[tuple[str, str], int] = {}
        self.profiles: dict[str, Profile] = {}
        self.banned: set[str] = set()
        self.asked: list[LogPage] = []
        self.marks_asked = 0
        self.on_marks: Callable[[], Awaitable[object]] | None = None
        self.page_size = 500
        self.bus: bus.Bus | None = None

    async def send(self, sender: str, to: str, content: str = "hello", age: float = 0.0) -> int:
        conversation_id = subjects.direct_conversation_id(sender, to)
        messages = self.messages.setdefault(conversation_id, [])
        self.members[conversation_id] = (sender, to)
        created_at = time.time_ns() // 1000 - int(age * 1e6)
        profile = self.profiles.get(sender)
        message = Preview(
            sender_id=sender,
            sender_name=profile.name if profile else None,
            content=content,
            seq=len(messages) + 1,
            created_at=created_at,
        )
        messages.append(message)
        for user_id in (sender, to):
            self._append(user_id, "message", conversation_id, message.seq, sender, created_at)
        await self._ring()
        return message.seq

    async def mark_read(self, user_id: str, peer: str, seq: int) -> None:
        conversation_id = subjects.direct_conversation_id(user_id, peer)
        self.read[user_id, conversation_id] = seq
        now = time.time_ns() // 1000
        for member in self.members[conversation_id]:
            self._append(member, "receipt", conversation_id, seq, user_id, now)
        await self._ring()

    def _append(
        self, user_id: str, kind: str, conversation_id: str, seq: int, actor: str, at: int
    ) -> None:
        n = next((row.n for row in reversed(self.rows) if row.writer == self.writer), 0) + 1
        message_id = len(self.rows) + 1
        self.rows.append(
            LogRow(self.writer, n, user_id, kind, conversation_id, message_id, seq, actor, at)
        )

    async def _ring(self) -> None:
        if self.bus is not None:
            await self.bus.publish(subjects.LOG, b"")

    def page(self, asked: LogPage) -> LogPageAnswer:
        self.asked.append(asked)
        limit = min(asked.limit, self.page_size)
        positions, rows, more = dict(asked.positions), list[LogRow](), False
        for writer in sorted({row.writer for row in self.rows}):
            after = positions.get(writer, 0)
            written = [row for row in self.rows if row.writer == writer]
            reached = positions[writer] = max(after, min(after + limit, len(written)))
            more = more or reached < len(written)
            rows += [row for row in written if after < row.n <= reached and concerned(told([row]))]
        return LogPageAnswer(epoch=self.epoch, rows=rows, more=more, positions=positions)

    def marks(self, asked: Marks) -> MarksAnswer:
        return MarksAnswer(
            epoch=self.epoch, rows=[self._marks(one, asked.preview) for one in asked.asked]
        )

    def _marks(self, asked: Unread, preview: int) -> MarksRow | None:
        is_member = asked.user_id in self.members.get(asked.conversation_id, ())
        if not is_member or asked.user_id in self.banned:
            return None
        read_seq = self.read.get((asked.user_id, asked.conversation_id), 0)
        messages = self.messages[asked.conversation_id]
        unread = [m for m in messages if m.seq > read_seq and m.sender_id != asked.user_id]
        return MarksRow(
            user_id=asked.user_id,
            conversation_id=asked.conversation_id,
            read_seq=read_seq,
            last_seq=len(messages),
            unread=len(unread),
            profile=self.profiles.get(asked.user_id, Profile(user_id=asked.user_id)),
            previews=unread[-preview:],
        )

    def joins(self, asked: Joins) -> JoinsAnswer:
        return JoinsAnswer(joined=[self._joined(user_id) for user_id in asked.user_ids])

    def _joined(self, user_id: str) -> Joined:
        return Joined(
            epoch=self.epoch,
            head=0,
            profile=self.profiles.get(user_id),
            standing=Standing(banned=True) if user_id in self.banned else None,
        )

    async def ask(self, question: Struct, answer: type[T]) -> T:
        """Ask notify, as a gateway does."""
        assert self.bus is not None
        subject = subjects.notify(str(question.__struct_config__.tag))
        async with within(10):
            while True:
                with suppress(bus.NoResponders):  # it is starting
                    return open_answer(await self.bus.request(subject, encode(question), 5), answer)
                await asyncio.sleep(0.01)

    def know(self, user_id: str, **profile: str) -> None:
        profile.setdefault("email", f"{user_id}@example.test")
        self.profiles[user_id] = Profile(user_id=user_id, name=user_id.title(), **profile)


@asynccontextmanager
async def fake_log(url: str, log: FakeLog | None = None) -> AsyncIterator[FakeLog]:
    log = log or FakeLog()
    async with bus.connect(url, "persistence") as wire:
        log.bus = wire

        def on_log(delivery: bus.Delivery) -> None:
            page = log.page(decode(delivery.payload, LogPage))
            wire.post(delivery.reply_to, encode(page))

        async def answer_marks(delivery: bus.Delivery) -> None:
            log.marks_asked += 1
            if log.on_marks is not None:
                await log.on_marks()
            rows = log.marks(decode(delivery.payload, Marks))
            wire.post(delivery.reply_to, encode(rows))

        def on_joins(delivery: bus.Delivery) -> None:
            wire.post(delivery.reply_to, encode(log.joins(decode(delivery.payload, Joins))))

        answering: set[asyncio.Task[None]] = set()

        def on_marks(delivery: bus.Delivery) -> None:
            answer = asyncio.create_task(answer_marks(delivery))
            answering.add(answer)
            answer.add_done_callback(answering.discard)

        await wire.subscribe(subjects.query("log"), on_log, queue=subjects.QUERY_GROUP)
        await wire.subscribe(subjects.query("marks"), on_marks, queue=subjects.QUERY_GROUP)
        await wire.subscribe(subjects.query("joins"), on_joins, queue=subjects.QUERY_GROUP)
        await wire.flush()
        yield log
    log.bus = None


class Mailbox:
    """An SMTP server, the e-mails it accepted, and its behaviour: a reply or an act for each step.

    `script[step]`: replies used up one by one; "hang" holds the step until `release` is set,
    "drop" cuts the connection, "" is the usual reply. Steps: mail, rcpt, data (before the text),
    dot (after it).
    """

    def __init__(self) -> None:
        self.accepted: list[EmailMessage] = []
        self.seen: list[str] = []
        self.script: dict[str, list[str]] = {}
        self.release = asyncio.Event()
        self.at: dict[str, asyncio.Event] = {}
        self.connections = 0
        self.left = 0  # connections that were ended as they should
        self.port = 0

    def reached(self, step: str) -> asyncio.Event:
        return self.at.setdefault(step, asyncio.Event())

    async def step(self, server: SMTP, step: str) -> str | None:
        self.seen.append(step)
        self.reached(step).set()
        act = self.script[step].pop(0) if self.script.get(step) else None
        match act:
            case "hang":
                await self.release.wait()
                return None
            case "drop":
                assert isinstance(server.transport, asyncio.WriteTransport)
                server.transport.abort()
                return "451 gone"
            case _:
                return act or None

    async def handle_MAIL(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        reply = await self.step(server, "mail")
        if reply is None:
            envelope.mail_from = address
        return reply or "250 OK"

    async def handle_RCPT(
        self, server: SMTP, session: Any, envelope: Any, address: str, options: Any
    ) -> str:
        reply = await self.step(server, "rcpt")
        if reply is None:
            envelope.rcpt_tos.append(address)
        return reply or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Any, envelope: Any) -> str:
        acts = self.script.get("dot")
        if not acts or acts[0] in (
            "",
            "hang",
            "drop",
        ):  # the worst case: it was accepted, and nobody knows
            letter = message_from_bytes(envelope.content, policy=default)
            assert isinstance(letter, EmailMessage)
            self.accepted.append(letter)
        return await self.step(server, "dot") or "250 OK"


class Server(SMTP):
    async def smtp_QUIT(self, arg: str) -> None:
        self.event_handler.left += 1
        await super().smtp_QUIT(arg)

    async def smtp_DATA(self, arg: str) -> None:
        reply = await self.event_handler.step(self, "data")
        if reply is not None:
            await self.push(reply)
            return
        await super().smtp_DATA(arg)


@asynccontextmanager
async def smtp_server(
    there: socket.socket | None = None,
    login: tuple[str, str] | None = None,
    mailbox: Mailbox | None = None,
) -> AsyncIterator[Mailbox]:
    """`there`: the socket that listens from now on; by default, a new one on a free port.
    `login`: the user and the password without which nothing is taken."""
    mailbox, there = mailbox or Mailbox(), there or socket.create_server(("127.0.0.1", 0))
    loop = asyncio.get_running_loop()

    def knows(server: Any, session: Any, envelope: Any, mechanism: str, data: Any) -> AuthResult:
        told = (data.login.decode(), data.password.decode())
        return AuthResult(success=told == login, handled=False)

    wants: dict[str, Any] = {
        "auth_required": login is not None,
        "auth_require_tls": False,
        "authenticator": knows,
    }

    def serve() -> Server:
        mailbox.connections += 1
        with warnings.catch_warnings(action="ignore"):  # a login without TLS
            return Server(mailbox, hostname="mx.test", timeout=60, **wants)

    listening = await loop.create_server(serve, sock=there)
    mailbox.port = port_of(there)
    try:
        yield mailbox
    finally:
        mailbox.release.set()
        listening.close()


class Notify:
    """notify in this process, on a database of its own."""

    def __init__(self, settings: Settings, health: Health) -> None:
        self.database = Path(settings.data_dir) / "notify.db"
        self.mail = Path(settings.data_dir) / "mail"
        self.health = health

    def states(self) -> list[str]:
        return states(self.database)

    async def until_states(self, *expected: str) -> None:
        try:
            await eventually(lambda: self.states() == list(expected))
        except TimeoutError:
            raise AssertionError(f"{self.states()} instead of {expected}") from None


@asynccontextmanager
async def notify(nats_url: str, folder: Path, **values: Any) -> AsyncIterator[Notify]:
    settings = Settings(nats_url=nats_url, data_dir=str(folder), **{**AT_ONCE, **values})
    health = Health("notify")
    with use(health.errors):
        async with open_app(settings, health):
            health.state = "ready"
            with watched():  # a call that blocks the loop raises
                yield Notify(settings, health)


def to_mailbox(mailbox: Mailbox) -> dict[str, Any]:
    """The settings that lead there, and try again at once."""
    there = {"smtp_host": "127.0.0.1", "smtp_port": mailbox.port, "smtp_security": "none"}
    return there | {"smtp_retry_base": 0.02, "smtp_retry_cap": 0.02}


@asynccontextmanager
async def process(
    nats_url: str, folder: Path, **values: Any
) -> AsyncIterator[asyncio.subprocess.Process]:
    """The real service as a child, killed at the end if it still lives."""
    settings = {"nats_url": nats_url, "data_dir": folder, "notify_port": 0, **values}
    trusted = {name: text for name, text in os.environ.items() if name == "SSL_CERT_FILE"}
    with (folder / "notify.log").open("ab") as log:
        child = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "services.notify"),
            env=to_environment({**AT_ONCE, **settings}) | trusted,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            preexec_fn=tied(),
        )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.send_signal(signal.SIGKILL)
        await child.wait()
