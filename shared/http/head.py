"""Owns the heads: the checks of a request before its body is read (head, chunks, and length), and
when the head of an answer is written."""

from collections.abc import Sequence

import h11

HEAD_FIELDS = 100
FIELD_SLACK = 256  # a field may hold half of `header_bytes`, without its name
TARGET_BYTES = 8000  # RFC 9112, section 3: at least that much
LEAST_CHUNK = 64  # bytes of a body's chunks on average: each costs the parser 20 us or more
SMALL_CHUNKS = 1000 * LEAST_CHUNK  # bytes by which they may fall short of it at a time
BETWEEN = (h11.IDLE, h11.DONE)  # the states of a client between two requests
NOTHING = (b"", False)  # all that came is read, and the client has not closed


class Requests(h11.Connection):
    """Refuses heads above the bounds, bodies that are more frame than content, and what a proxy
    in front may take for something else."""

    status = 0  # of the latest answer
    _room = 0  # bytes by which the chunks of this body may still fall short
    _head: Sequence[bytes] = ()  # of an answer, until its body begins

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        if self.their_state in BETWEEN and self.trailing_data == NOTHING:
            return h11.NEED_DATA  # what h11 would find out by a search for the next head
        event = super().next_event()
        match event:
            case h11.Request():
                _judge(event, self._max_incomplete_event_size)
                self._room = SMALL_CHUNKS
            case h11.Data():
                room = self._room + len(event.data) - LEAST_CHUNK * event.chunk_end
                if room < 0:
                    raise h11.RemoteProtocolError("The chunks of the body are too small")
                self._room = min(room, SMALL_CHUNKS)
        return event

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """Return what to write for an event. The head of an answer is written together with the
        beginning of its body: one call of the system, and one packet, for both."""
        written = super().send_with_data_passthrough(event)
        if isinstance(event, h11.Response):
            self.status, self._head = event.status_code, written or ()
            return []
        head, self._head = self._head, ()
        return None if written is None else [*head, *written]


def _judge(request: h11.Request, most: int) -> None:
    """Raises RemoteProtocolError."""
    headers = list(request.headers)
    fields = {name for name, _ in headers}
    sizes = [len(name) + len(value) + 4 for name, value in headers]
    if request.http_version not in (b"1.0", b"1.1"):
        raise h11.RemoteProtocolError(
            "Only HTTP/1.0 and 1.1 are spoken here", error_status_hint=505
        )
    if len(request.target) > TARGET_BYTES:
        raise h11.RemoteProtocolError("The address is too long", error_status_hint=414)
    if (
        len(sizes) > HEAD_FIELDS
        or sum(sizes, len(request.target)) > most
        or max(sizes, default=0) > most // 2 + FIELD_SLACK
    ):
        raise h11.RemoteProtocolError("The header fields are too large", error_status_hint=431)
    if b"transfer-encoding" in fields and (
        b"content-length" in fields or request.http_version < b"1.1"
    ):  # RFC 9112, section 6.1
        raise h11.RemoteProtocolError("The length of the body is not certain")
