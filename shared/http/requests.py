"""Owns reading the requests of a connection: in pieces, and one after another.

The parser cannot be stopped between two requests of one piece. What it read ahead waits in
uvicorn's pipeline; what it was not given yet waits here until all before it is answered.
"""

import asyncio
from abc import ABC, abstractmethod
from typing import Literal, cast
from urllib.parse import unquote

import httptools
from uvicorn._types import ASGI3Application
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from shared.http.cycle import Cycle
from shared.http.head import Head, Unfit, has_body, judge

PIECE_BYTES = 4 * 1024  # that the parser is given at once: between two the limits are looked at
CONNECTION = (b"connection", b"proxy-connection")  # the same to the parser
LEAST_CHUNK = 64  # bytes of a body's chunks on average: each costs some calls
SMALL_CHUNKS = 1000 * LEAST_CHUNK  # bytes by which they may fall short of it at a time


class Requests(HttpToolsProtocol, ABC):
    """uvicorn's protocol, with limits on what is no content. Beneath `Http`, which says what
    happens to the requests that it refuses."""

    most = 0  # bytes of a head
    cycle: Cycle  # of the latest request
    answering: Cycle | None = None  # the one that the application works on
    stage: Literal["", "head", "body"] = ""  # of the request that is being read
    _ahead = b""  # what came before its turn
    _frame = 0  # bytes since the last content
    _room = 0  # bytes by which the chunks of this body may still fall short

    @abstractmethod
    def refuse(self, status: int, reason: str) -> None:
        """Answer what cannot be read, when what came before it is answered; read no more."""

    @abstractmethod
    def upgrade(self, early: bytes) -> None:
        """Hand the connection over to a protocol for WebSockets. `early`: what came behind the
        head."""

    @abstractmethod
    def reads(self) -> bool:
        """Return whether the requests of this connection are still read."""

    def take(self, data: bytes) -> None:
        """Read what has come, as far as it is its turn."""
        self._ahead += data
        while self._ahead and self.reads() and (self.answering is None or self.stage == "body"):
            piece, self._ahead = self._ahead[:PIECE_BYTES], self._ahead[PIECE_BYTES:]
            self._parse(piece)
        if self._ahead:
            self.flow.pause_reading()

    def _parse(self, piece: bytes) -> None:
        self._frame += len(piece)
        try:
            self.parser.feed_data(piece)
        except httptools.HttpParserUpgrade as upgraded:
            self._on_upgrade(piece[upgraded.args[0] :])
        except httptools.HttpParserCallbackError as error:
            if not isinstance(error.__context__, Unfit):
                raise
            self.refuse(error.__context__.status, str(error.__context__))
        except httptools.HttpParserInvalidMethodError:
            self.refuse(501, "The method is not known")
        except httptools.HttpParserError as error:
            self.refuse(400, f"The request cannot be read: {error}")
        else:
            if self._frame > self.most:
                self.refuse(431, "The header fields are too large")

    def _on_upgrade(self, rest: bytes) -> None:
        """Begin a WebSocket. Another protocol that is offered is not taken up, and none with
        HTTP/1.0 (RFC 9110, section 7.8): the head is read once more without the offer, since the
        parser stops at it."""
        if not self._should_upgrade():
            self._ahead = self._head_without_offer() + rest + self._ahead
            self.parser = httptools.HttpRequestParser(self)  # the old one may be at its end
            self.parser.set_dangerous_leniencies(lenient_data_after_close=True)  # it is not read
        elif self.answering is None:
            early, self._ahead = rest + self._ahead, b""
            self.upgrade(early)
            self._let_go()
        else:
            self.refuse(400, "A WebSocket begins when all requests before it are answered")

    def _should_upgrade(self) -> bool:
        return self.parser.get_http_version() != "1.0" and super()._should_upgrade()

    def _head_without_offer(self) -> bytes:
        method, version = self.parser.get_method(), self.parser.get_http_version().encode()
        fields = [b"%b: %b\r\n" % field for field in self.headers if field[0] != b"upgrade"]
        return b"%b %b HTTP/%b\r\n%b\r\n" % (method, self.url, version, b"".join(fields))

    # ------------------------------------------------------------ told by the parser

    def on_message_begin(self) -> None:
        self.stage = "head"
        super().on_message_begin()

    def on_header(self, name: bytes, value: bytes) -> None:
        """Raises Unfit."""
        if self.stage == "head":
            super().on_header(name, value.rstrip(b" \t"))
        elif name.lower() in CONNECTION:  # of all trailers, only the parser would read this one
            raise Unfit("A trailer cannot end the connection")

    def on_headers_complete(self) -> None:
        """Raises Unfit."""
        version = self.parser.get_http_version()
        method = self.parser.get_method()
        judge(Head(method, self.url, version, self.headers), self.most)
        if self.parser.should_upgrade():
            if self._should_upgrade() and (method != b"GET" or has_body(self.headers)):
                raise Unfit("A WebSocket begins with a GET without a body")
            return
        self.stage, self._frame, self._room = "body", 0, SMALL_CHUNKS
        path, _, query = self.url.partition(b"?")
        self.scope["method"] = method.decode()
        self.scope["http_version"] = version
        self.scope["path"] = self.root_path + unquote(path.decode())
        self.scope["raw_path"] = self.root_path.encode() + path
        self.scope["query_string"] = query
        self.cycle = self._make_cycle(version)
        if self.answering is None:
            self._start_asgi_task(self.cycle, self.app)
        else:
            self.pipeline.appendleft((self.cycle, self.app))

    def _make_cycle(self, version: str) -> Cycle:
        return Cycle(
            scope=self.scope,
            transport=self.transport,
            flow=self.flow,
            logger=self.logger,
            access_logger=self.access_logger,
            access_log=self.access_log,
            default_headers=self.server_state.default_headers,
            message_event=asyncio.Event(),
            expect_100_continue=self.expect_100_continue and version != "1.0",
            keep_alive=version != "1.0" and self.parser.should_keep_alive(),
            on_response=self.on_response_complete,
        )

    def _start_asgi_task(self, cycle: RequestResponseCycle, app: ASGI3Application) -> None:
        self.answering = cast(Cycle, cycle)
        super()._start_asgi_task(cycle, app)

    def on_body(self, body: bytes) -> None:
        self._frame = 0
        self._room = min(self._room + len(body), SMALL_CHUNKS)
        super().on_body(body)

    def on_chunk_complete(self) -> None:
        """Raises Unfit."""
        self._room -= LEAST_CHUNK
        if self._room < 0:
            raise Unfit("The chunks of the body are too small")

    def on_message_complete(self) -> None:
        if self.stage == "body":
            super().on_message_complete()
        self.stage, self._frame = "", 0

    # ------------------------------------------------------------ told by the answer

    def on_response_complete(self) -> None:
        """Begin the next request that is read already, or read on."""
        self.answering = None
        super().on_response_complete()
        if self.answering is None and self._ahead:
            self._unset_keepalive_if_required()
            self.take(b"")

    def connection_lost(self, exc: Exception | None) -> None:
        if self.answering is not None:
            self.answering.disconnect()
        super().connection_lost(exc)
        self._let_go()

    def _let_go(self) -> None:
        """Hold nothing that holds this: the collector would have to find it, and comes seldom."""
        self.parser = self.cycle = self.answering = None  # type: ignore[assignment]
        self.pipeline.clear()
        self._unset_keepalive_if_required()
