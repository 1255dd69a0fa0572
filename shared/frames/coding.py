"""Owns the decoding (`decode`) and encoding (`encode`, `feed_frame`) of frames.

A feed frame is the same for every member but for `cursor`, so a body is encoded once and the
cursor is spliced in front of it.
"""

import functools
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec
from msgspec import Raw, Struct

from shared.errors import InvalidFrame, LinkupError, TooLarge
from shared.frames.choices import choices
from shared.frames.client import ClientFrame
from shared.frames.fields import IN_WORDS, MAX_FRAME_BYTES, ClientId
from shared.frames.notification import BadgeUpdate
from shared.frames.server import Error, Message
from shared.health.defects import unencodable

LONGEST_FIELD = 100  # characters of the name of a field that a client has sent
_FIELD = re.compile(r"(?:required|unknown) field `([^`]+)`")


class _ClientIdOnly(Struct):
    """Second chance for a frame that does not decode: whom does the error concern?"""

    client_id: ClientId | None = None


class _About(Struct):
    """The `conversation_id` of a feed frame."""

    conversation_id: str = ""


class _Told(Struct):
    """The fields of a message's body that an ack needs. Times are kept as text."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: Raw


class _Ack(Struct, tag="ack"):
    """An Ack, of which nothing but the body of its message is known."""

    client_id: str
    message_id: int
    conversation_id: str
    seq: int
    created_at: Raw
    duplicate: bool = False


_decoder: msgspec.json.Decoder[ClientFrame] = msgspec.json.Decoder(ClientFrame)
_message_decoder = msgspec.json.Decoder(Message)
_told_decoder = msgspec.json.Decoder(_Told)
_about_decoder = msgspec.json.Decoder(_About)
_client_id_decoder = msgspec.json.Decoder(_ClientIdOnly)
_badge_decoder = msgspec.json.Decoder(BadgeUpdate)
_encoder = msgspec.json.Encoder()
_IN_WORDS = {
    "Input data was truncated": "JSON is malformed: it ends too early",
    "Invalid RFC3339 encoded datetime": "Expected a time such as 2026-11-29T12:00:00Z",
    **{f"matching regex {pattern!r}": words for pattern, words in IN_WORDS.items()},
}
_PATTERN = re.compile(r"matching regex '(?:[^'\\]|\\.)*'")
_WRONG = re.compile(r"Invalid enum value .*?(?: - at `(\$.*)`)?\Z", re.DOTALL)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


def decode(text: str | bytes, max_bytes: int = MAX_FRAME_BYTES) -> ClientFrame:
    """Return one frame of a client, valid as a whole.

    Raises InvalidFrame, naming the fault and echoing the `client_id` where one can be read, and
    TooLarge above `max_bytes`.
    """
    if size(text) > max_bytes:
        raise TooLarge(f"A frame can have at most {max_bytes} bytes", client_id=_client_id_of(text))
    try:
        return _decoder.decode(text)
    except RecursionError:
        raise InvalidFrame("The frame is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise InvalidFrame(fault(error, ClientFrame), client_id=_client_id_of(text)) from None


def error_of(error: LinkupError) -> Error:
    return Error(
        code=error.code,
        message=error.message,
        temporary=error.temporary,
        client_id=error.client_id,
        retry_after_ms=error.retry_after_ms,
    )


def decode_message(body: bytes) -> Message:
    """Return a message's body as the log encodes it."""
    return _message_decoder.decode(body)


def ack_of(body: bytes) -> tuple[str, bytes]:
    """Return the `client_id` of a message, and the `ack` that its body stands for, encoded."""
    told = _told_decoder.decode(body)
    ack = _Ack(told.client_id, told.message_id, told.conversation_id, told.seq, told.created_at)
    return told.client_id, _encoder.encode(ack)


def conversation_of(body: bytes) -> str:
    """Return the conversation of a feed frame, or an empty string."""
    return _about_decoder.decode(body).conversation_id


def badge_of(frame: bytes) -> int | None:
    """Return the count in a `badge_update`; None for any other frame."""
    if not frame.startswith(b'{"type":"badge_update"'):
        return None
    return _badge_decoder.decode(frame).unread_count


def encode(frame: Struct) -> bytes:
    """Raises Unencodable."""
    try:
        return _encoder.encode(frame)
    except (TypeError, ValueError, OverflowError) as error:
        raise unencodable(frame, error) from error


def feed_frame(cursor: int, body: bytes) -> bytes:
    """Return the frame one user receives: their cursor in front of the body all members share."""
    return b'{"cursor":%d,%b' % (cursor, body[1:])


@functools.lru_cache(maxsize=1024)  # what one transaction stores has one time
def time_of(microseconds: int) -> datetime:
    """Return a time in UTC, from integer microseconds since 1970."""
    return _EPOCH + microseconds * _MICROSECOND


def fault(error: Exception, kind: Any) -> str:
    """Return a decoding error in words for a client: bounded, printable, without regular
    expressions. `kind`: what was expected."""
    text = str(error)
    for said, words in _IN_WORDS.items():
        text = text.replace(said, words)
    text = _PATTERN.sub("in the form in which the server returns it", text)
    shown = text if len(text) <= 200 else f"{text[:200]}…"
    if (wrong := _WRONG.match(text)) and (known := choices(kind, wrong[1] or "")):
        shown = f"{shown}; known are: {', '.join(known)}"
    return "".join(c if c.isprintable() else "\ufffd" for c in shown)


def field_of(error: Exception) -> str:
    """Return the field that a decoding error is about, such as `users[3].email`; "" if there is no
    single one."""
    what, _, place = str(error).partition(" - at `$")
    named = _FIELD.search(what)
    parts = (place.rstrip("`").lstrip("."), named[1] if named else "")
    field = ".".join(filter(None, parts))
    return field if field.isprintable() and len(field) <= LONGEST_FIELD else ""


def size(text: str | bytes) -> int:
    """Return the bytes on the wire; of ASCII, which Python knows by itself, without counting."""
    if isinstance(text, bytes) or text.isascii():
        return len(text)
    return len(text.encode(errors="surrogatepass"))


def _client_id_of(text: str | bytes) -> str | None:
    try:
        return _client_id_decoder.decode(text).client_id
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None
