"""Owns who somebody is: tokens of the host app, the demo login, and the Origin of a socket."""

import re
import time
from typing import Annotated
from urllib.parse import urlsplit

import jwt
import msgspec
from msgspec import Meta, Struct

from shared import frames
from shared.errors import SettingError, Unauthorized
from shared.settings import Settings

ALGORITHMS = ["HS256"]
LEAST_SECRET_BYTES = 32  # RFC 7518, section 3.2
DEMO_CAST = {"alice": "Alice", "bob": "Bob", "carol": "Carol", "dave": "Dave"}
DEMO_SECONDS = 12 * 3600
_LOCAL_PART = re.compile(r"[a-z0-9._-]{1,64}\Z", re.IGNORECASE)

Text = Annotated[str, Meta(max_length=1024)] | None


class Identity(Struct, frozen=True, kw_only=True):
    """What a token says. `expires_at`: seconds since 1970; the socket closes then."""

    user_id: frames.UserId
    expires_at: float
    name: Text = None
    email: Text = None
    time_zone: Text = None
    locale: Text = None
    avatar: Text = None


class Authenticator:
    """Verifies tokens signed with the shared secret; signs them only for the demo."""

    def __init__(self, settings: Settings) -> None:
        if len(settings.jwt_secret.encode()) < LEAST_SECRET_BYTES:
            raise SettingError(
                f"LINKUP_JWT_SECRET must hold at least {LEAST_SECRET_BYTES} bytes; "
                'make one with: python -c "import secrets; print(secrets.token_hex(32))"'
            )
        self._secret = settings.jwt_secret
        self._audience = settings.jwt_audience

    def verify(self, token: str) -> Identity:
        """Raises Unauthorized, without saying which check failed."""
        try:
            claims = jwt.decode(
                token,
                self._secret,
                algorithms=ALGORITHMS,
                audience=self._audience,
                options={"require": ["sub", "aud", "exp"], "verify_iat": False},  # a host's clock
            )
            return msgspec.convert(
                {
                    "user_id": claims["sub"],
                    "expires_at": claims["exp"],
                    "name": _whole(claims.get("name")),
                    "email": _whole(claims.get("email")),
                    "time_zone": _whole(claims.get("tz")),
                    "locale": _whole(claims.get("locale")),
                    "avatar": _whole(claims.get("avatar")),
                },
                Identity,
            )
        except (jwt.PyJWTError, msgspec.ValidationError):
            raise Unauthorized("The token is missing, expired or not valid") from None

    def sign(self, user_id: str, name: str) -> str:
        """A token for the demo login."""
        claims = {
            "sub": user_id,
            "aud": self._audience,
            "exp": int(time.time()) + DEMO_SECONDS,
            "name": name,
            "email": demo_email(user_id),
        }
        return jwt.encode(claims, self._secret, algorithm=ALGORITHMS[0])


def _whole(claim: object) -> object:
    """JSON may hold half an emoji, where a name was cut; no wire can carry it."""
    return claim.encode(errors="replace").decode() if isinstance(claim, str) else claim


def demo_email(user_id: str) -> str:
    """An address that never leaves the machine (RFC 2606)."""
    local = user_id.lower() if _LOCAL_PART.match(user_id) else "demo"
    return f"{local}@linkup.example"


def bearer(authorization: str | None) -> str | None:
    """The token of an `Authorization: Bearer` header."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None


def origin_allowed(origin: str | None, host: str | None, allowed: tuple[str, ...]) -> bool:
    """Whether a page of that origin may open a socket: the same site, or one on the list.

    Only browsers send an Origin; a client without one is held by its token alone.
    """
    if origin is None or origin in allowed:
        return True
    try:
        parts = urlsplit(origin)
    except ValueError:  # an address no browser would send
        return False
    return parts.scheme in ("http", "https") and bool(parts.netloc) and parts.netloc == host
