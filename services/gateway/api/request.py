"""Owns reading an HTTP request, in the same form for every route."""

from collections.abc import Callable
from datetime import datetime
from typing import Any, TypeVar

import msgspec
from starlette.datastructures import Headers
from starlette.requests import ClientDisconnect, Request

from shared import api, frames
from shared.clock import SECOND
from shared.errors import (
    InvalidRequest,
    NotFound,
    TooLarge,
    Unsupported,
)
from shared.frames import ConversationId, PositiveInt, UserId

T = TypeVar("T")

MAX_BODY = frames.MAX_FRAME_BYTES


class NotJson(Unsupported):
    """Any page may send what is not called JSON without its browser asking us first (CORS)."""

    status = 415


async def body(request: Request, kind: type[T], at_most: int = MAX_BODY) -> T:
    """Return the JSON body. Raises NotJson, TooLarge, and InvalidRequest, naming the fault."""
    content = await _content(request, at_most)
    media_type = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if content and media_type != "application/json":
        raise NotJson("Send the body as `Content-Type: application/json`")
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise InvalidRequest("The body is nested too deeply") from None
    except (msgspec.MsgspecError, UnicodeError) as error:
        raise invalid(frames.field_of(error), frames.fault(error, kind)) from None


async def _content(request: Request, at_most: int) -> bytes:
    """Return the whole body. Raises TooLarge, before reading what is announced so, and
    InvalidRequest."""
    if announced(request.headers) > at_most:
        raise _too_large(at_most)
    content = bytearray()
    try:
        async for chunk in request.stream():
            content += chunk
            if len(content) > at_most:
                raise _too_large(at_most)
    except ClientDisconnect:
        raise InvalidRequest("The request body is incomplete") from None
    return bytes(content)


def announced(headers: Headers) -> int:
    """Return the bytes of the body as its Content-Length says, 0 without one."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() else 0


def _too_large(at_most: int) -> TooLarge:
    return TooLarge(f"A request body can have at most {at_most} bytes")


def invalid(field: str, message: str) -> InvalidRequest:
    """Return the refusal of a parameter, or of a field of the body; "": of more than one."""
    return InvalidRequest(message, field=field)


def integer(request: Request, name: str, least: int = 1, most: int = frames.MAX_INT) -> int | None:
    """Return a query parameter that is a whole number, or None without it. Raises
    InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        return None
    shown = text if len(text) <= 60 else f"{text[:60]}…"
    if not (text.isascii() and text.removeprefix("-").isdigit() and len(text) <= 20):
        raise invalid(name, f"`{name}` must be a whole number, not {shown!r}")
    if not least <= int(text) <= most:
        raise invalid(name, f"`{name}` must be between {least} and {most}, not {shown}")
    return int(text)


def flag(request: Request, name: str) -> bool | None:
    """Return a query parameter that is `true` or `false`, or None without it. Raises
    InvalidRequest."""
    text = request.query_params.get(name)
    if text not in (None, "true", "false"):
        raise invalid(name, f"`{name}` must be true or false, not {text[:60]!r}")
    return None if text is None else text == "true"


def listed(request: Request, name: str, kind: Any) -> Any:
    """Return a query parameter of values between commas, each once, as that kind of list; None
    without it. Raises InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        values = msgspec.convert(text.split(","), kind, strict=False)
    except msgspec.ValidationError as error:
        raise invalid(name, f"`{name}`: {frames.fault(error, kind)}") from None
    return list(dict.fromkeys(values))


def given(
    request: Request,
    name: str,
    kind: Any,
    made: Callable[[Any], Any] = lambda value: value,
    *,
    strict: bool = True,
) -> Any:
    """Return a query parameter as what is `made` of it, or None without it. Raises
    InvalidRequest."""
    text = request.query_params.get(name)
    if text is None:
        return None
    try:
        return made(msgspec.convert(text, kind, strict=strict))
    except msgspec.ValidationError as error:
        raise invalid(name, f"`{name}`: {frames.fault(error, kind)}") from None


def microseconds(time: datetime) -> int:
    return int(time.timestamp() * SECOND)


def page_size(request: Request) -> int:
    """Return `limit` of a page, or as many as usual. Raises InvalidRequest."""
    return integer(request, "limit", most=100) or api.DEFAULT_LIMIT


def after(request: Request) -> str:
    """Return the user id behind which a page begins; empty: at the first. Raises InvalidRequest."""
    text = request.query_params.get("after")
    return "" if text is None else str(converted(text, UserId, "`after`"))


def conversation_of(request: Request) -> str:
    """Return the conversation named in the path. Raises InvalidRequest."""
    return named(request, "conversation_id", ConversationId)


def message_id(request: Request) -> int:
    """Return the message named in the path. Raises NotFound."""
    return int(sought(request, "message_id", PositiveInt, "message"))


def user_id(request: Request) -> str:
    """Return the user named in the path. Raises InvalidRequest."""
    return named(request, "user_id", UserId)


def named(request: Request, name: str, kind: Any) -> str:
    """Return an id in the path. Raises InvalidRequest."""
    return str(converted(request.path_params[name], kind, f"`{name}`"))


def sought(request: Request, name: str, kind: Any, noun: str) -> str:
    """Return an id in the path, where a text that cannot be one names nothing: NotFound."""
    try:
        return str(msgspec.convert(request.path_params[name], kind, strict=False))
    except msgspec.ValidationError:
        raise NotFound(f"There is no such {noun}") from None


def converted(text: str | None, kind: Any, said: str) -> Any:
    """Return a path or query parameter of that kind. Raises InvalidRequest."""
    try:
        return msgspec.convert(text, kind)
    except msgspec.ValidationError as error:
        why = " is missing" if text is None else f": {frames.fault(error, kind)}"
        raise invalid(said.strip("`"), f"{said}{why}") from None
