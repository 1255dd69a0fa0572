"""A socket that is gone when it is to be closed."""

from starlette.types import Message
from starlette.websockets import WebSocket

from services.gateway.sockets import close


async def test_closing_a_socket_whose_peer_is_gone_is_no_fault() -> None:
    async def receive() -> Message:
        return {"type": "websocket.connect"}

    async def send(message: Message) -> None:
        if message["type"] == "websocket.close":
            raise OSError  # as a server says it of a peer that is gone

    websocket = WebSocket({"type": "websocket"}, receive, send)
    await websocket.accept()
    await close(websocket, 4001)
