"""Owns the delivery of an e-mail to the mail server, and its outcome.

Until `begin` has committed, nothing can have been accepted and the attempt may be repeated.
After it only the server's word counts; without a word the outcome is unknown (RFC 1047).
"""

import asyncio
import logging
import os
import socket
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Protocol, cast

import aiosmtplib
from aiosmtplib import SMTPResponse, SMTPStatus
from aiosmtplib.errors import (
    SMTPDataError,
    SMTPException,
    SMTPRecipientRefused,
    SMTPServerDisconnected,
)

from services.notify.channels.letter import Letter, sender
from services.notify.channels.replies import is_of_recipient, judged, refused
from services.notify.ladder.delivery import Outcome
from shared.errors import SettingError
from shared.settings import Settings

logger = logging.getLogger("linkup.notify")

ENVELOPE_TIMEOUT = 30.0  # connect, TLS, login, MAIL, RCPT
DATA_TIMEOUT = 120.0  # the longer, the fewer unknown outcomes; RFC 5321 would wait ten minutes
QUIT_TIMEOUT = 2.0
KEPT = 0.5
LOOK_UP_TIMEOUT = 3.0

Begin = Callable[[], Awaitable[bool]]


class Channel(Protocol):
    async def send(self, notification_id: str, letter: Letter, begin: Begin) -> Outcome:
        """Awaits `begin` at the point of no return, and goes no further when it says False."""

    async def aclose(self) -> None: ...


class Smtp:
    """A connection takes one e-mail after the other while there are any. It is not kept for longer
    than KEPT seconds without one: such connections have hung (aiosmtplib#243)."""

    def __init__(
        self,
        settings: Settings,
        own_name: str,
        envelope_timeout: float = ENVELOPE_TIMEOUT,
        data_timeout: float = DATA_TIMEOUT,
    ) -> None:
        self._settings = settings
        self._own_name = own_name
        self._from = sender(settings.smtp_from).addr_spec
        self._envelope_timeout = envelope_timeout
        self._data_timeout = data_timeout
        self._kept: list[aiosmtplib.SMTP] = []
        self._timer: asyncio.TimerHandle | None = None
        self._leaving = set[asyncio.Task[None]]()

    async def send(self, notification_id: str, letter: Letter, begin: Begin) -> Outcome:
        client, error = await self._opened(letter.to)
        accepted = False
        try:
            if error is not None:
                return judged(error)
            if not await begin():
                return Outcome("withdrawn")
            outcome = await self._data(client, letter.content)
            accepted = outcome.kind == "sent"
            return outcome
        finally:
            if accepted:
                self._keep(client)
            else:
                await _goodbye(client)

    async def aclose(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._leave()
        await asyncio.gather(*self._leaving)

    async def _opened(self, to: str) -> tuple[aiosmtplib.SMTP, Exception | None]:
        """Return a connection that has taken the envelope, or the error of one that has not. Of a
        kept one, the server may have had enough: then a new one is tried."""
        if self._kept:
            client = self._kept.pop()
            error = await self._tried(client, to)
            if error is None or is_of_recipient(error):
                return client, error
            await _goodbye(client)
        client = self._client()
        return client, await self._tried(client, to, is_new=True)

    async def _tried(
        self, client: aiosmtplib.SMTP, to: str, is_new: bool = False
    ) -> Exception | None:
        try:
            async with asyncio.timeout(self._envelope_timeout):
                if is_new:
                    await client.connect()
                await client.mail(self._from)
                await _name(client, to)
        except (SMTPException, OSError) as error:  # a timeout is one too
            return error
        except BaseException:  # the sending is cut off
            client.close()
            raise
        return None

    def _client(self) -> aiosmtplib.SMTP:
        settings = self._settings
        return aiosmtplib.SMTP(
            hostname=settings.smtp_host,
            port=settings.smtp_port,
            username=settings.smtp_user or None,
            password=settings.smtp_password or None,
            local_hostname=self._own_name,
            timeout=None,
            use_tls=settings.smtp_security == "tls",
            start_tls=settings.smtp_security == "starttls",
        )

    async def _data(self, client: aiosmtplib.SMTP, content: bytes) -> Outcome:
        try:
            async with asyncio.timeout(self._data_timeout):
                await _transmit(client, content)
        except SMTPDataError as error:
            return refused(error)
        except (SMTPException, OSError) as error:
            return Outcome("unknown", type(error).__name__, worked=False)
        return Outcome("sent", worked=True)

    def _keep(self, client: aiosmtplib.SMTP) -> None:
        self._kept.append(client)
        if self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(KEPT, self._leave)

    def _leave(self) -> None:
        """Say goodbye on all connections that have no e-mail now."""
        self._timer = None
        for client in self._kept:
            leaving = asyncio.create_task(_goodbye(client))
            self._leaving.add(leaving)
            leaving.add_done_callback(self._leaving.discard)
        self._kept.clear()


async def _name(client: aiosmtplib.SMTP, to: str) -> None:
    """Name the recipient as `client.rcpt` does, which parses the address once more."""
    reply = await client.execute_command(b"RCPT", b"TO:<%s>" % to.encode("ascii"))
    if reply.code not in (SMTPStatus.completed, SMTPStatus.will_forward):
        raise SMTPRecipientRefused(reply.code, reply.message, to)


async def _transmit(client: aiosmtplib.SMTP, content: bytes) -> None:
    """Send the content as `client.data` does, but without its search for lines that do not end in
    CRLF: those of a Letter do, and the search takes a tenth of the CPU time of an e-mail."""
    _expect(SMTPStatus.start_input, await client.execute_command(b"DATA"))
    protocol = client.protocol
    if protocol is None:
        raise SMTPServerDisconnected("Connection lost")
    protocol.write(content.replace(b"\n.", b"\n..") + b".\r\n")  # RFC 5321, 4.5.2
    _expect(SMTPStatus.completed, await protocol.read_response())


def _expect(status: SMTPStatus, reply: SMTPResponse) -> None:
    if reply.code != status:
        raise SMTPDataError(reply.code, reply.message)


async def _goodbye(client: aiosmtplib.SMTP) -> None:
    transport = client.transport
    try:
        if client.is_connected:
            async with asyncio.timeout(QUIT_TIMEOUT):
                await client.quit()
    except (SMTPException, OSError):
        if transport is not None:
            # Closing would wait for a server that does not read. That of uvloop does not inherit.
            cast(asyncio.WriteTransport, transport).abort()
    finally:
        client.close()


class Folder:
    """Replaces a mail server: writes one file for each e-mail, named after it, so only once."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    async def send(self, notification_id: str, letter: Letter, begin: Begin) -> Outcome:
        if not await begin():
            return Outcome("withdrawn")
        target = self._folder / f"{notification_id}.eml"
        try:
            await asyncio.to_thread(_write, target, letter.content)
        except OSError as error:
            return Outcome("postponed", type(error).__name__)
        return Outcome("sent")

    async def aclose(self) -> None:
        """There is nothing to close."""


def _write(target: Path, content: bytes) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_suffix(".part")
    with temporary.open("wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())
    temporary.replace(target)


async def open_channel(settings: Settings) -> Channel:
    """The mail server, or the folder when none is set. Raises SettingError."""
    sender(settings.smtp_from)
    if not settings.smtp_host:
        return Folder(settings.data / "mail")
    if settings.smtp_password and not settings.smtp_user:
        raise SettingError("LINKUP_SMTP_PASSWORD is set without LINKUP_SMTP_USER")
    await _look_up(settings.smtp_host, settings.smtp_port)
    return Smtp(settings, await asyncio.to_thread(socket.getfqdn))


async def _look_up(host: str, port: int) -> None:
    """A name that is wrong is said at start, not at the first e-mail; it may be the network's fault
    and pass, so nothing is refused."""
    try:
        async with asyncio.timeout(LOOK_UP_TIMEOUT):
            await asyncio.get_running_loop().getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError) as error:  # a timeout is one too
        logger.warning(
            "LINKUP_SMTP_HOST=%s has no address (%s): no e-mail leaves until it has; check it",
            *(host, str(error) or "no answer"),
        )
