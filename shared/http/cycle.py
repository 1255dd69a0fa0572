"""Owns the answer to one request, as far as the server beneath leaves something open."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

from uvicorn._types import ASGI3Application, ASGISendEvent
from uvicorn.protocols.http.httptools_impl import RequestResponseCycle


class Output:
    """The transport of one answer. Its head is written together with the beginning of its body: one
    call of the system, and one packet, for both."""

    def __init__(self, transport: asyncio.Transport) -> None:
        self._transport = transport
        self._head = b""
        self.holds = False  # the next write, which is the head

    def write(self, data: bytes) -> None:
        if self.holds:
            self.holds, self._head = False, data
        else:
            head, self._head = self._head, b""
            self._transport.write(head + data if head else data)

    def flush(self) -> None:
        if self._head:
            self.write(b"")

    def close(self) -> None:
        self.flush()
        self._transport.close()

    def is_closing(self) -> bool:
        return self._transport.is_closing()


class Cycle(RequestResponseCycle):
    """uvicorn's, which also tells the status, and spares HTTP/1.0 the chunks it cannot read."""

    status = 0  # once the answer has begun
    _ends_with_connection = False

    def __init__(
        self, *, transport: asyncio.Transport, on_response: Callable[[], None], **kwargs: Any
    ) -> None:
        self._output = output = Output(transport)
        self._on_response = on_response

        def complete() -> None:  # no method: this would hold itself, until the collector comes
            output.flush()  # of an answer without a body
            on_response()

        super().__init__(transport=cast(asyncio.Transport, output), on_response=complete, **kwargs)

    async def run_asgi(self, app: ASGI3Application) -> None:
        await super().run_asgi(app)
        if self._output.is_closing() and not (self.response_complete or self.disconnected):
            self._on_response()  # it failed half-way

    def send(self, message: ASGISendEvent) -> Awaitable[None]:  # type: ignore[override]  # no coroutine of its own
        if message["type"] == "http.response.start":
            self.status = message["status"]
            self._output.holds = True
            if self.scope["http_version"] == "1.0":
                names = {name.lower() for name, _ in message.get("headers", [])}
                self._ends_with_connection = b"content-length" not in names
            if self._ends_with_connection:
                self.chunked_encoding = False
        elif self._ends_with_connection and message["type"] == "http.response.body":
            self.expected_content_length = len(message.get("body", b""))  # each part is whole
        return super().send(message)

    def disconnect(self) -> None:
        """Let the application know, where it reads the body, that no more comes."""
        self.disconnected = True
        self.waiting_for_100_continue = False
        self.message_event.set()
