"""Owns what a token must be besides signed: of the right type, and of one meaning.

A name that stands twice is refused: parsers differ in which of the two counts (RFC 7515, section 4;
RFC 7519, section 4).
"""

import functools
import json
from collections.abc import Sequence
from typing import Any, NamedTuple

import jwt
from jwt.utils import base64url_decode, base64url_encode

TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519, section 5.1, and RFC 9068
HEADERS = 64  # headers that are remembered: those of one key are alike


class Header(NamedTuple):
    """The fields of a token's header that are to be compared with known keys."""

    algorithm: object
    key_id: object
    type: object

    def check(self) -> None:
        """Raises DecodeError for a token of another type."""
        kind = self.type
        if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
            raise jwt.DecodeError("typ")


def header(token: str) -> Header:
    """Raises DecodeError."""
    return _header(token.partition(".")[0])


@functools.lru_cache(HEADERS)
def _header(part: str) -> Header:
    try:
        said = _once(base64url_decode(part))
    except ValueError:
        raise jwt.DecodeError("the header is not in base64url") from None
    return Header(said.get("alg"), said.get("kid"), said.get("typ", "JWT"))


class _Parts(jwt.PyJWS):
    """Takes a token apart at a third of the cost: PyJWT looks at each character in Python."""

    def _decode_base64url_segment(self, segment: bytes, name: str) -> bytes:  # type: ignore[override]
        try:
            content = base64url_decode(segment)
        except ValueError:
            content = b""
        if base64url_encode(content) == segment:  # so it is written in the one way there is
            return content
        return super()._decode_base64url_segment(segment, name)


class Decoder(jwt.PyJWT):
    """Reads the claims once, and refuses names that stand twice."""

    def __init__(self) -> None:
        super().__init__()
        self._jws = _Parts()

    def _decode_payload(self, decoded: dict[str, Any]) -> dict[str, Any]:
        return _once(decoded["payload"])


def _once(text: bytes) -> dict[str, Any]:
    try:
        found = _decoder.decode(text.decode())
    except (ValueError, RecursionError):
        raise jwt.DecodeError("no JSON, or a name stands twice") from None
    if not isinstance(found, dict):
        raise jwt.DecodeError("not an object")
    return found


def _named(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found


_decoder = json.JSONDecoder(object_pairs_hook=_named)
