"""Owns what a token must be besides signed: of the right type, and of one meaning."""

import json
from collections.abc import Sequence

import jwt
from jwt.utils import base64url_decode

TYPES = frozenset({"jwt", "at+jwt"})  # RFC 7519, section 5.1, and RFC 9068


def check(token: str) -> None:
    """Raises DecodeError for one of another type, and for a name that stands twice: parsers differ
    in which of the two counts (RFC 7515, section 4; RFC 7519, section 4)."""
    head, _, rest = token.partition(".")
    header, _ = _once(head), _once(rest.rpartition(".")[0])
    kind = header.get("typ", "JWT")
    if not isinstance(kind, str) or kind.lower().removeprefix("application/") not in TYPES:
        raise jwt.DecodeError("typ")


def _once(part: str) -> dict[str, object]:
    try:
        found: dict[str, object] = json.loads(base64url_decode(part), object_pairs_hook=_named)
    except (ValueError, RecursionError):
        raise jwt.DecodeError("a name stands twice") from None
    return found


def _named(pairs: Sequence[tuple[str, object]]) -> dict[str, object]:
    found = dict(pairs)
    if len(found) < len(pairs):
        raise ValueError("a name stands twice")
    return found
