"""A socket that is gone when it is to be closed."""

from typing import Any

import pytest
from starlette.types import Message
from uvicorn.protocols.utils import ClientDisconnected

from services.gateway.socket.asgi import close


class FakeWire:
    def __init__(self, close_sent: bool) -> None:
        self.close_sent = close_sent
        self.sent: list[Message] = []

    async def send(self, message: Message) -> None:
        self.sent.append(message)
        raise ClientDisconnected  # as uvicorn says it of a peer that is gone


@pytest.mark.parametrize("close_sent", [False, True])
async def test_closing_a_socket_whose_peer_is_gone_is_no_fault(close_sent: bool) -> None:
    wire: Any = FakeWire(close_sent)
    await close(wire, 4001)
    assert len(wire.sent) == (0 if close_sent else 1)
