"""Owns the HTTP connection: which requests are accepted, and their deadlines.

One parser (httptools) everywhere: what two parsers read differently is what requests are smuggled
by. See docs/adr/0013 and 0052.
"""

import asyncio
import http
import socket
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any, Protocol, cast

import uvicorn
from uvicorn.server import ServerState

from shared import api
from shared.errors import InvalidRequest, LinkupError, TooLarge, Unavailable
from shared.health.counters import Counters
from shared.http.acceptor import Acceptor
from shared.http.admission import Admission, Guest
from shared.http.reaper import Reaper
from shared.http.requests import Requests
from shared.http.turns import Turns
from shared.pace import Pace
from shared.settings import Settings

BURST_SECONDS = 2  # how much of its pace a connection may use at once
REFUSED = 10  # what an answer 429 costs, in place of one
TOO_MANY_REQUESTS = 429
REFUSALS: dict[int, type[LinkupError]] = {408: Unavailable, 413: TooLarge, 431: TooLarge}
LEAST_RATE = 500  # bytes of a body a second in the long run, after the first `body_timeout`


class Config(uvicorn.Config):
    """uvicorn's configuration, with our settings and what is counted."""

    def __init__(
        self, settings: Settings, counters: Counters, admission: Admission, **kwargs: Any
    ) -> None:
        super().__init__(http=Http, **kwargs)
        self.settings = settings
        self.counters = counters
        self.admission = admission
        self.turns = Turns()


class Upgraded(Protocol):
    """The protocol that takes a connection over; it tells the admission when that is lost."""

    guest: Guest

    def connection_made(self, transport: asyncio.BaseTransport) -> None: ...

    def upgrade(self, target: bytes, headers: Sequence[tuple[bytes, bytes]]) -> None:
        """Begin with a GET without a body, whose head was read and judged."""

    def data_received(self, data: bytes) -> None: ...


class Http(Requests):
    """uvicorn's protocol, with deadlines (RFC 9110, 408) and a status that names the fault."""

    config: Config

    def __init__(
        self,
        config: Config,
        server_state: ServerState,
        app_state: dict[str, Any],
        *,
        guest: Guest,
    ) -> None:
        super().__init__(config, server_state, app_state)
        self.guest = guest
        self.most = config.settings.header_bytes
        self._refused = False
        self._told: Callable[[], None] | None = None  # tells of it, when its turn comes
        self._timer: asyncio.TimerHandle | None = None
        self._since = 0.0  # when the peer began to owe us the head or the body
        self._owes = ""
        self._read = 0  # bytes of it
        self._held: asyncio.TimerHandle | None = None
        settings = config.settings
        rate = settings.requests_per_second if settings.api_per_minute else 0.0
        self.pace = Pace(rate, max(1.0, BURST_SECONDS * rate))

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        settings = self.config.settings
        self.reaper = Reaper(transport, settings.body_timeout, self.config.counters)
        self.guest.transport = transport
        self._expect("head")

    def connection_lost(self, exc: Exception | None) -> None:
        self.config.admission.leave(self.guest)
        if self._held is not None:
            self._held.cancel()
        self._expect("")
        self.reaper.stop()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        if self._refused:
            return  # it is only read so that the answer is not lost in a reset
        self._unset_keepalive_if_required()
        self._read += len(data)
        if self.stage or self.answering is not None:
            self._take(data)
        elif not self.config.turns.take(lambda: self._take(data)):
            self.flow.pause_reading()  # many begin at once: the rest of the loop has its turn too

    def _take(self, data: bytes) -> None:
        if not self.transport.is_closing():
            self.flow.resume_reading()
            self.take(data)
            self._look()

    def reads(self) -> bool:
        return not (self._refused or self.transport.is_closing() or self._upgraded())

    def eof_received(self) -> None:
        super().eof_received()
        self.reaper.close_soon()

    def pause_writing(self) -> None:
        super().pause_writing()
        self.reaper.watch()

    def resume_writing(self) -> None:
        super().resume_writing()
        self.reaper.relax()

    def on_headers_complete(self) -> None:
        self.config.admission.busy(self.guest)
        super().on_headers_complete()

    def on_response_complete(self) -> None:
        """The next request is read at the connection's pace; a refusal costs more of it."""
        if self.transport.is_closing():
            super().on_response_complete()
            self.reaper.close_soon()
            return
        self.config.admission.idle(self.guest)
        self.pace.spend(REFUSED if self._status() == TOO_MANY_REQUESTS else 1)
        wait = self.pace.wait() if self.guest.address else 0.0  # a proxy carries many people
        if wait:
            self.config.counters.hit(
                "requests_per_second", "a connection asks too often", address=self.guest.address
            )
            self.flow.pause_reading()
            self._expect("")
            self._held = self.loop.call_later(wait, self._go_on)
        else:
            self._go_on()

    def _status(self) -> int:
        return self.answering.status if self.answering is not None else 0

    def _go_on(self) -> None:
        self._held = None
        super().on_response_complete()
        self._look()
        if self.answering is not None:
            self.config.admission.busy(self.guest)  # with what it asked for before the last answer
        elif self._told is not None:
            self._told()

    def shutdown(self) -> None:
        super().shutdown()
        if self.transport.is_closing():
            self.reaper.close_soon()

    def timeout_keep_alive_handler(self) -> None:
        super().timeout_keep_alive_handler()
        self.reaper.close_soon()

    def upgrade(self, early: bytes) -> None:
        self._expect("")
        self.reaper.stop()
        self.connections.discard(self)
        made: object = self.ws_protocol_class(  # type: ignore[misc, call-arg]
            config=self.config, server_state=self.server_state, app_state=self.app_state
        )
        upgraded = cast(Upgraded, made)
        upgraded.guest = self.guest
        upgraded.connection_made(self.transport)
        self.transport.set_protocol(cast(asyncio.Protocol, made))
        upgraded.upgrade(self.url, self.headers)
        if early:
            upgraded.data_received(early)
        self.config.admission.idle(self.guest)  # until it says who it is

    # ------------------------------------------------------------ deadlines

    def _look(self) -> None:
        """Set the deadline for what the peer must send next, if there is anything."""
        if self._refused or self.transport.is_closing() or self._upgraded():
            self._expect("")
        elif self.stage == "body":
            self._expect("body")
        elif self.answering is not None or (not self.stage and self.timeout_keep_alive_task):
            self._expect("")
        else:
            self._expect("head")

    def _upgraded(self) -> bool:
        return self.transport.get_protocol() is not self

    def _expect(self, owed: str) -> None:
        if owed == self._owes:
            return
        self._owes, self._since, self._read = owed, self.loop.time(), 0
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if owed:
            self._timer = self.loop.call_at(self._deadline(), self._late)

    def _deadline(self) -> float:
        settings = self.config.settings
        if self._owes == "head":
            return self._since + settings.header_timeout
        return self._since + settings.body_timeout + self._read / LEAST_RATE

    def _late(self) -> None:
        if self.flow.read_paused:  # the body waits for us
            self._since, self._read = self.loop.time(), 0
        if self._deadline() > self.loop.time():
            self._timer = self.loop.call_at(self._deadline(), self._late)
        elif self._owes == "head" and not self.stage:
            self.config.counters.add("connections_silent")  # as browsers open in advance
            self.transport.close()
        else:
            self.refuse(408, f"The {self._owes} of the request took too long")

    # ------------------------------------------------------------ refusals

    def refuse(self, status: int, reason: str) -> None:
        """Refuse a request in its turn, and close: what follows cannot be trusted."""
        self.config.counters.hit(
            "requests_refused", "a request was refused", "validation_error", status=status
        )
        self._refused = True
        self._expect("")
        if self.answering is not None and (self.pipeline or self.stage != "body"):
            if self.stage == "body":
                self.pipeline.popleft()  # it is read no further, and its answer is this one
            self._told = lambda: self._tell(status, reason)
        else:
            self._tell(status, reason)

    def _tell(self, status: int, reason: str) -> None:
        """Answer, unless an answer has begun."""
        self._unset_keepalive_if_required()
        if self.answering is not None:
            self.answering.disconnect()
            if self.answering.response_started:
                self.transport.abort()
                return
        self.transport.write(_answer(status, reason, self.server_state.default_headers))
        if self.transport.can_write_eof():
            with suppress(OSError):  # the peer has reset it
                self.transport.write_eof()  # a close with unread bytes would reset the answer away
            self.transport.resume_reading()
        else:
            self.transport.close()
        self.reaper.close_soon()


def acceptors(
    config: Config, state: ServerState, listeners: Sequence[socket.socket]
) -> list[Acceptor]:
    """Return the acceptors of the listening sockets."""

    def create(guest: Guest) -> Http:
        return Http(config, state, {}, guest=guest)

    def exhausted(error: OSError) -> None:
        config.counters.hit("descriptors", "no connection can be accepted", why=str(error))

    return [Acceptor(one, config.admission, create, exhausted) for one in listeners]


def _answer(status: int, reason: str, headers: list[tuple[bytes, bytes]]) -> bytes:
    """Return a refusal like a route's own: of the same form, for the same clients."""
    text = api.encode(api.problem_of(REFUSALS.get(status, InvalidRequest)(reason), status))
    fields = [
        *headers,
        (b"content-type", api.MEDIA_TYPE.encode()),
        (b"content-length", b"%d" % len(text)),
        (b"connection", b"close"),
    ]
    line = f"HTTP/1.1 {status} {http.HTTPStatus(status).phrase}\r\n".encode()
    return line + b"".join(b"%b: %b\r\n" % field for field in fields) + b"\r\n" + text
