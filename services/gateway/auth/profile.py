"""Owns the values that a profile may have, in a token as in a request of the host app."""

import re
from email.errors import HeaderParseError
from email.headerregistry import Address
from functools import cache
from zoneinfo import available_timezones

import msgspec
from msgspec import UnsetType

from shared import api
from shared.errors import InvalidRequest

# Nearly all addresses are of this form, and the parser takes longer than the rest of a login.
_PLAIN = re.compile(r"[A-Za-z0-9_+-]+(?:\.[A-Za-z0-9_+-]+)*@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*\Z")


def check(asked: api.ProfileRequest) -> None:
    """Check what the types of the fields do not. Raises InvalidRequest, which names the field."""
    check_address(asked.email)
    check_zone(asked.tz, "tz")


def is_valid(field: str, text: str) -> bool:
    """Return whether a request could set that field of a profile to this text."""
    try:
        check(msgspec.convert({field: text}, api.ProfileRequest))
    except (msgspec.ValidationError, InvalidRequest):
        return False
    return True


def check_address(email: str | UnsetType | None) -> None:
    """Raises InvalidRequest for what no e-mail can be sent to."""
    if not email or _PLAIN.match(email):
        return
    try:
        Address(addr_spec=email)
    except (HeaderParseError, ValueError, IndexError, AttributeError):  # of any text, one of these
        raise InvalidRequest("`email` is not an e-mail address", field="email") from None


def check_zone(name: str | UnsetType | None, field: str) -> None:
    """Raises InvalidRequest. A system without the database of time zones knows none."""
    if name and zones() and name not in zones():
        raise InvalidRequest(f"`{field}`: there is no time zone {name!r}", field=field)


@cache
def zones() -> frozenset[str]:
    """Return the names of all time zones. Reads hundreds of files: to be asked for once before
    anything is served."""
    return frozenset(available_timezones())
