"""Owns typing: telling that the user types, and hearing that others do. Nothing of it is kept."""

from collections.abc import Callable

from linkup_client import frames

OnTyping = Callable[[frames.TypingNow], None]


class Typists:
    def __init__(self, send: Callable[[bytes], None]) -> None:
        self._send = send
        self._listener: OnTyping | None = None

    def tell(self, conversation_id: str, *, is_typing: bool = True) -> None:
        """Tell the other members that the user is typing, or has stopped.

        Repeat it every three seconds while the user is typing: the server ends it after five. It
        takes one a second for each conversation. Without a WebSocket, nobody is told.
        """
        told = frames.Typing(conversation_id=conversation_id, is_typing=is_typing)
        self._send(frames.encode(told))

    def listen(self, on_typing: OnTyping) -> None:
        """Have `on_typing` called with each TypingNow that arrives from now on.

        If the connection is lost, the end is not told: forget who types after five seconds.
        """
        self._listener = on_typing

    def on_frame(self, frame: frames.TypingNow) -> None:
        if self._listener is not None:
            self._listener(frame)
