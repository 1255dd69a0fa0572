"""Owns the checks of a request's head, before its body is read."""

from collections.abc import Sequence
from typing import NamedTuple

HEAD_FIELDS = 100
FIELD_SLACK = 256  # a field may hold half of `header_bytes`, without its name
TARGET_BYTES = 8000  # RFC 9112, section 3: at least that much
LENGTH, CODING = b"content-length", b"transfer-encoding"
LENGTH_DIGITS = 20  # also with zeros in front: more than some thousand are no number to Python


class Unfit(Exception):
    """A request that is refused with this status."""

    def __init__(self, reason: str, status: int = 400) -> None:
        super().__init__(reason)
        self.status = status


class Head(NamedTuple):
    """A request without its body. The names of its fields are in lower case."""

    method: bytes
    target: bytes
    version: str
    fields: Sequence[tuple[bytes, bytes]]


def judge(head: Head, most: int) -> None:
    """Refuse what is above the limits (`most`: bytes of a head), and what a proxy in front may take
    for something else. Raises Unfit."""
    if head.version not in ("1.0", "1.1"):
        raise Unfit("Only HTTP/1.0 and 1.1 are spoken here", 505)
    if head.method == b"CONNECT":
        raise Unfit("This is not a proxy", 501)
    if len(head.target) > TARGET_BYTES:
        raise Unfit("The address is too long", 414)
    if not (head.target.isascii() and head.target.decode("ascii").isprintable()):
        raise Unfit("The address has characters that must be escaped")
    sizes = [len(name) + len(value) + 4 for name, value in head.fields]
    if (
        len(sizes) > HEAD_FIELDS
        or sum(sizes, len(head.target)) > most
        or max(sizes, default=0) > most // 2 + FIELD_SLACK
    ):
        raise Unfit("The header fields are too large", 431)
    _judge_names([name for name, _ in head.fields], head)


def _judge_names(names: Sequence[bytes], head: Head) -> None:
    hosts = names.count(b"host")
    if hosts > 1 or (not hosts and head.version == "1.1"):  # RFC 9112, section 3.2
        raise Unfit("The request needs one Host field")
    if any(name == LENGTH and len(value) > LENGTH_DIGITS for name, value in head.fields):
        raise Unfit("The length of the body has too many digits")
    if CODING not in names:
        return
    if LENGTH in names or head.version == "1.0":  # RFC 9112, section 6.1
        raise Unfit("The length of the body is not certain")
    if [value.lower() for name, value in head.fields if name == CODING] != [b"chunked"]:
        raise Unfit("The only known transfer coding is chunked", 501)


def has_body(fields: Sequence[tuple[bytes, bytes]]) -> bool:
    return any(name in (LENGTH, CODING) for name, _ in fields)
