"""Owns the response headers of a file, and the requested range. Pure."""

import re
from urllib.parse import quote

from services.gateway.attachments.kinds import ACTIVE, UNKNOWN, is_shown

RANGE = re.compile(r"bytes=(\d{0,18})-(\d{0,18})\Z")
# Should a browser ever show it as a page of its own: no script, no form, no request, no origin.
POLICY = "default-src 'none'; sandbox"
# These characters turn the direction of text, so that a name would read as another one.
TURNING = re.compile("[\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]")


class Unsatisfiable(Exception):
    """The range begins behind the end."""


def content_headers(name: str, media_type: str, max_age: int) -> dict[str, str]:
    """Return the headers of a file's bytes. `max_age`: seconds that they may be kept by who has the
    URL anyway."""
    kind = "inline" if is_shown(media_type) else "attachment"
    return {
        "Content-Type": UNKNOWN if media_type in ACTIVE else media_type,
        "Content-Disposition": disposition(name, kind),
        "Content-Security-Policy": POLICY,
        "X-Content-Type-Options": "nosniff",
        "Cross-Origin-Resource-Policy": "cross-origin",  # the signature is the permission
        "Referrer-Policy": "no-referrer",
        "Cache-Control": f"private, max-age={max_age}",
        "Accept-Ranges": "bytes",
    }


def disposition(name: str, kind: str) -> str:
    """Return a Content-Disposition (RFC 6266), with the name as RFC 8187 encodes it and in ASCII
    for who cannot read that."""
    name = TURNING.sub("_", name)
    plain = "".join(c if c.isascii() and c.isprintable() and c not in '"\\%' else "_" for c in name)
    return f"{kind}; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"


def part_of(asked: str | None, size: int) -> tuple[int, int] | None:
    """Return the requested range, or None for the whole file (RFC 9110, 14.2).

    Several ranges, or what is no range, are answered with the whole. Raises Unsatisfiable.
    """
    found = RANGE.match(asked or "")
    if found is None or found.groups() == ("", ""):
        return None
    first, last = found.groups()
    if not first:  # the last so many bytes
        if not int(last):
            raise Unsatisfiable
        return max(0, size - int(last)), size
    if last and int(last) < int(first):
        return None
    if int(first) >= size:
        raise Unsatisfiable
    return int(first), min(size, int(last) + 1 if last else size)
