"""Owns the fast path of text frames, which bypass the WebSocket library.

Nearly every frame is one. All others, the handshake, the close and whatever is wrong stay with
the library, which stands between two frames meanwhile and notices nothing. See docs/adr/0022.
"""

from collections.abc import Sequence

from websockets.protocol import State

from services.gateway.socket.inbound import WHOLE_TEXT
from services.gateway.socket.wire import Wire

SHORT = 126  # from here on the length has two bytes of its own, from LONG on eight
LONG = 65536
HEADS = tuple(bytes((WHOLE_TEXT, length)) for length in range(SHORT))


class DirectWire(Wire):
    """The same as seen by the client and by the application, for less."""

    def _parse(self) -> None:
        text = None
        if self.conn.state is State.OPEN and self.conn.current_size is None:
            text = self.inbound.take_text(self.config.ws_max_size)
        if text is None:
            super()._parse()
        else:
            self._on_text(text)

    def _say(self, texts: Sequence[bytes]) -> None:
        self.transport.write(b"".join(map(framed, texts)))


def framed(text: bytes) -> bytes:
    """Return a frame of the server's: unmasked (RFC 6455, section 5.1)."""
    size = len(text)
    if size < SHORT:
        return HEADS[size] + text
    if size < LONG:
        return b"\x81\x7e%b%b" % (size.to_bytes(2), text)
    return b"\x81\x7f%b%b" % (size.to_bytes(8), text)
