"""Owns what may be wrong with a token, in words without a secret or a signature."""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from typing import Any

import jwt
import msgspec

from linkup.token.keys import SHARED, Key
from shared import api, frames
from shared.frames.fields import is_seen
from shared.reserved import SYSTEM
from shared.settings import Settings


def faults(token: str, keys: Sequence[Key], settings: Settings) -> Iterator[str]:
    """Yield all that is wrong, the gravest first; nothing if the token is good."""
    try:
        algorithm = str(jwt.get_unverified_header(token).get("alg"))
        claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    except jwt.PyJWTError:
        yield "it is not a JSON Web Token: three parts in base64url, separated by dots"
        return
    yield from _signature(token, algorithm, keys)
    yield from _names(claims, settings)
    yield from _times(claims, settings.jwt_leeway)


def _signature(token: str, algorithm: str, keys: Sequence[Key]) -> Iterator[str]:
    fit = [key for key in keys if key.algorithm == algorithm]
    if not fit:
        known = " and ".join(dict.fromkeys(key.algorithm for key in keys)) or "none"
        fix = "set LINKUP_JWT_SECRET or pass --data-dir" if algorithm == SHARED else "pass --key"
        yield f"there is no key of its algorithm, {algorithm}, only of: {known} ({fix})"
        return
    for key in fit:
        with suppress(jwt.PyJWTError):
            jwt.api_jws.decode(token, key.value, algorithms=[key.algorithm])
            return
    yield "it was signed with another key"


def _names(claims: Mapping[str, Any], settings: Settings) -> Iterator[str]:
    try:
        msgspec.convert(claims.get("sub"), frames.UserId)
    except msgspec.ValidationError:
        yield "`sub` is not the id of a user"
    if claims.get("sub") == SYSTEM:
        yield "`sub` is the system, as which nobody signs in"
    audience = claims.get("aud")
    if settings.jwt_audience not in (audience if isinstance(audience, list) else [audience]):
        yield f"`aud` is not {settings.jwt_audience} (LINKUP_JWT_AUDIENCE)"
    if settings.jwt_issuer and claims.get("iss") != settings.jwt_issuer:
        yield f"`iss` is not {settings.jwt_issuer} (LINKUP_JWT_ISSUER)"


def _times(claims: Mapping[str, Any], leeway: float) -> Iterator[str]:
    now, ends = time.time(), _time(claims, "exp")
    if ends is None:
        yield "`exp` is missing, or not a number of seconds since 1970"
    elif ends <= now:
        yield f"it expired {now - ends:.0f} s ago (`exp`)"
    elif ends > frames.MAX_INT / 1_000_000:
        yield "`exp` is too far away; is it in milliseconds?"
    for name in ("nbf", "iat"):
        begins = _time(claims, name)
        if begins is not None and begins > now + leeway:
            yield f"it begins in {begins - now:.0f} s (`{name}`); compare the clocks"


def ignored(claims: Mapping[str, Any]) -> Iterator[str]:
    """Yield why gateways ignore claims about the user, as far as their form shows it."""
    for name in api.ProfileRequest.__struct_fields__:
        value = claims.get(name)
        if value is None or (isinstance(value, str) and not is_seen(value)):
            continue
        try:
            msgspec.convert({name: value}, api.ProfileRequest)
        except msgspec.ValidationError as error:
            yield frames.fault(error, api.ProfileRequest)


def _time(claims: Mapping[str, Any], name: str) -> float | None:
    """Return the seconds since 1970, or None if the claim is missing or is no number."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -math.inf < value < math.inf else None
