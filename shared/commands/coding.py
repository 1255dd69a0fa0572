"""Owns how all of it travels: as MessagePack, an answer in an envelope."""

import functools
from collections.abc import Hashable, Sequence
from typing import Any, TypeVar

import msgspec
from msgspec import Struct

from shared.commands.result import BatchReply, Failure
from shared.errors import LinkupError

T = TypeVar("T", bound=Struct)

_encoder = msgspec.msgpack.Encoder()


def encode(value: Struct | Sequence[Any]) -> bytes:
    return _encoder.encode(value)


def decode(payload: bytes, kind: type[T]) -> T:
    """Raises msgspec.MsgspecError when the payload is not of that kind."""
    decoder: msgspec.msgpack.Decoder[T] = _decoder_of(kind)
    return decoder.decode(payload)


_reply_decoder: msgspec.msgpack.Decoder[BatchReply] = msgspec.msgpack.Decoder(BatchReply)


def decode_reply(payload: bytes) -> BatchReply:
    return _reply_decoder.decode(payload)


@functools.cache
def _decoder_of(kind: Hashable) -> msgspec.msgpack.Decoder[Any]:
    return msgspec.msgpack.Decoder(kind)


class Answer(Struct, frozen=True, kw_only=True):
    """Envelope of a query's answer: a failure, or the value."""

    failure: Failure | None = None
    value: bytes = b""


def answer(value: Struct) -> bytes:
    return _encoder.encode(Answer(value=_encoder.encode(value)))


def refusal(error: LinkupError) -> bytes:
    failure = Failure(error.code, error.message, error.retry_after_ms)
    return _encoder.encode(Answer(failure=failure))


def open_answer(payload: bytes, kind: type[T]) -> T:
    """The value of an answer. Raises the LinkupError that came instead of it."""
    envelope: Answer = decode(payload, Answer)
    if envelope.failure is not None:
        raise envelope.failure.error()
    return decode(envelope.value, kind)
