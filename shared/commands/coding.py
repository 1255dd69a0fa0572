"""Owns the encoding of messages between the services, which is MessagePack.

What answers is a map; a refusal comes in its place, and is an array.
"""

import functools
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from shared.commands.query import Question
from shared.commands.result import Fenced, Refused, Results
from shared.errors import LinkupError
from shared.health.defects import unencodable

T = TypeVar("T", bound=Struct)

MAX_PAGE_BYTES = 512 * 1024  # of one answer, well below the bus's max_payload of 1 MiB

_encoder = msgspec.msgpack.Encoder()
_reply_decoder: msgspec.msgpack.Decoder[Results | Fenced] = msgspec.msgpack.Decoder(
    Results | Fenced
)
_question_decoder: msgspec.msgpack.Decoder[Question] = msgspec.msgpack.Decoder(Question)


def encode(value: Struct | Sequence[Any]) -> bytes:
    """Raises Unencodable."""
    try:
        return _encoder.encode(value)
    except (TypeError, ValueError, OverflowError) as error:
        raise unencodable(value, error) from error


def decode(payload: bytes, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError when the payload is not of that kind."""
    decoder: msgspec.msgpack.Decoder[T] = _decoder_of(kind)
    return decoder.decode(payload)


def open_reply(payload: bytes) -> Results | Fenced:
    """Decode the results of a batch. Raises the LinkupError with which all of it was refused."""
    _raise_refusal(payload)
    return _reply_decoder.decode(payload)


def decode_question(payload: bytes) -> Question:
    """Raises msgspec.MsgspecError when it is none."""
    return _question_decoder.decode(payload)


def name_of(asked: Struct) -> str:
    """Return the tag of a question."""
    return str(asked.__struct_config__.tag)


def refusal(error: LinkupError) -> bytes:
    return encode(Refused.of(error))


def open_answer(payload: bytes, kind: type[T]) -> T:
    """Return the answer of that kind. Raises the LinkupError that came instead of it."""
    _raise_refusal(payload)
    return decode(payload, kind)


def _raise_refusal(payload: bytes) -> None:
    if b"\x90" <= payload[:1] <= b"\x9f":  # how an array of up to 15 begins
        raise decode(payload, Refused).error()


@functools.cache
def _decoder_of(kind: Hashable) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)
