"""Owns authentication: tokens of the host app, and of the demo login."""

import functools
import hashlib
import math
import re
import secrets
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, Protocol

import jwt
import msgspec
from msgspec.structs import replace

from services.gateway.auth import claims as optional
from services.gateway.auth import form
from services.gateway.auth.claims import OddClaims
from services.gateway.auth.identity import Identity as Identity
from services.gateway.auth.keys import SHARED, Keys, UnknownKey
from services.gateway.auth.standings import Standings
from shared import frames
from shared.clock import SECOND
from shared.errors import SettingError, Unauthorized, Unavailable
from shared.health.counters import Counters
from shared.health.endpoints import Health
from shared.reserved import SYSTEM, is_reserved
from shared.settings import Settings

REMEMBERED = 1024  # tokens that are not verified again, the latest used
DEMO_CAST = {"alice": "Alice", "bob": "Bob", "carol": "Carol", "dave": "Dave"}
DEMO_SECONDS = 12 * 3600
_LOCAL_PART = re.compile(r"[a-z0-9._-]{1,64}\Z", re.IGNORECASE)

LAST = frames.MAX_INT / SECOND  # seconds since 1970, of what a ticket can carry: in 2255
FAULTS: dict[type[Exception], str] = {  # in words for the log; the first that fits
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidAudienceError: "audience",
    jwt.InvalidIssuerError: "issuer",
    UnknownKey: "key",
    jwt.InvalidSignatureError: "signature",
    jwt.InvalidAlgorithmError: "algorithm",
    jwt.DecodeError: "malformed",
}


class Source(Protocol):
    """Keys that are published, and fetched anew."""

    def want(self) -> bool: ...

    async def answered(self) -> None: ...


class Authenticator:
    """Verifies the tokens of the host app; signs them only for the demo."""

    def __init__(self, settings: Settings, counters: Counters | None = None) -> None:
        self.keys = Keys(settings.jwt_secrets, published=bool(settings.jwks_url))
        if settings.dev_login and not settings.jwt_secrets:
            raise SettingError(
                "LINKUP_DEV_LOGIN needs LINKUP_JWT_SECRET, which signs the tokens of the demo"
            )
        self._secrets = settings.jwt_secrets
        self._audience = settings.jwt_audience
        self._issuer = settings.jwt_issuer or None
        self._leeway = settings.jwt_leeway
        self._odd = OddClaims(counters or Counters())
        self.source: Source | None = None
        self.standings: Standings | None = None  # None: no token is revoked
        self._decoder = form.Decoder()
        self._known = functools.lru_cache(REMEMBERED)(self._read)
        self.keys.changed = self._known.cache_clear

    def verify(self, token: str) -> Identity:
        """Raises Unauthorized, without saying which check failed."""
        try:
            identity, odd = self._known(token)
            if int(identity.expires_at) <= time.time():  # it may have been good when it was read
                raise jwt.ExpiredSignatureError
        except (jwt.PyJWTError, msgspec.ValidationError) as error:
            refused = Unauthorized("The token is missing, expired or invalid")
            refused.why = next((why for e, why in FAULTS.items() if isinstance(error, e)), "claims")
            raise refused from None
        for claim in odd:
            self._odd.tell(identity.user_id, claim)
        return identity

    async def identify(self, token: str) -> Identity:
        """Verify a token as `verify` does; a key that is not known is looked for first. Raises
        Unavailable as well, if no key could be fetched yet."""
        try:
            return self.verify(token)
        except Unauthorized as refused:
            if not self._looked_for(refused):
                raise
        assert self.source is not None
        await self.source.answered()
        return self.verify(token)

    async def admit(self, token: str) -> Identity:
        """Identify a request as `identify` does, and refuse revoked tokens too. Raises what the log
        raises, if it has to be asked."""
        identity = await self.identify(token)
        if self.standings is not None:
            await self.standings.admit(identity)
        return identity

    def verify_or_later(self, token: str) -> Identity:
        """Verify as `verify` does, and refuse a token that is known to be revoked. Raises
        Unavailable while an unknown key is looked for."""
        try:
            identity = self.verify(token)
        except Unauthorized as refused:
            if not self._looked_for(refused):
                raise
            raise Unavailable(
                "The key of the token is being fetched", retry_after_ms=1000
            ) from None
        if self.standings is not None:
            self.standings.check(identity)
        return identity

    def _looked_for(self, refused: Unauthorized) -> bool:
        return refused.why == FAULTS[UnknownKey] and self.source is not None and self.source.want()

    def _read(self, token: str) -> tuple[Identity, Sequence[str]]:
        """Return what a good token says, and its odd claims; both stay true until it expires.
        Raises PyJWTError and ValidationError."""
        header = form.header(token)
        claims = self._signed(token, header)
        header.check()
        self._has_begun(claims)
        identity, odd = _identity(claims)
        return replace(identity, token_id=token_id(token), issued_at=_issued_at(claims)), odd

    def _signed(self, token: str, header: form.Header) -> dict[str, Any]:
        """Return the claims, if a key of ours has signed them. Raises PyJWTError."""
        *others, last = self.keys.fitting(header)
        for key in others:
            with suppress(jwt.InvalidSignatureError):
                return self._decoded(token, key)
        return self._decoded(token, last)

    def _decoded(self, token: str, key: jwt.PyJWK) -> dict[str, Any]:
        return self._decoder.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._audience,
            issuer=self._issuer,
            options={
                "require": ["sub", "aud", "exp"],
                "verify_nbf": False,  # they have leeway, exp has none
                "verify_iat": False,
                "verify_jti": False,  # nothing is made of it
            },
        )

    def _has_begun(self, claims: dict[str, Any]) -> None:
        """Raises ImmatureSignatureError; two clocks never agree, so a little ahead is now."""
        latest = time.time() + self._leeway
        begins = [_number(claims.get(name)) for name in ("nbf", "iat")]
        if begins[0] is None and claims.get("nbf") is not None:
            raise jwt.DecodeError("nbf")
        if any(at is not None and at > latest for at in begins):
            raise jwt.ImmatureSignatureError

    def sign(self, user_id: str, name: str, email: str | None = None) -> str:
        """Return a token for the demo login. Without an `email`, the user gets one of the demo."""
        claims = {
            "sub": user_id,
            "aud": self._audience,
            **({"iss": self._issuer} if self._issuer else {}),
            "iat": int(time.time()),
            "exp": int(time.time()) + DEMO_SECONDS,
            "jti": secrets.token_hex(8),  # two windows of one person sign out one by one
            "name": name,
            "email": email or demo_email(user_id),
        }
        return jwt.encode(claims, self._secrets[0], algorithm=SHARED)


@asynccontextmanager
async def published_keys(
    auth: Authenticator, settings: Settings, health: Health
) -> AsyncIterator[None]:
    """Follow LINKUP_JWKS_URL, if it is set, until the block ends. Raises SettingError."""
    if not settings.jwks_url:
        yield
        return
    from services.gateway.auth import jwks  # its HTTP client takes long to load

    async with jwks.followed(settings, auth.keys) as auth.source:
        health.checks["jwks"] = auth.source.check
        yield


def _identity(claims: dict[str, Any]) -> tuple[Identity, Sequence[str]]:
    """Return the identity and the odd claims. Raises DecodeError and ValidationError."""
    expires = _number(claims["exp"])
    if expires is None:
        raise jwt.DecodeError("exp")
    if claims["sub"] == SYSTEM:  # which the host app sends as, and nobody signs in as
        raise jwt.DecodeError("sub")
    required = {"user_id": claims["sub"], "expires_at": float(min(expires, LAST))}
    said = dict(optional.read(claims))
    odd = [claim for claim, text in said.items() if text is None]
    known = {optional.FIELDS[claim]: text for claim, text in said.items() if text is not None}
    return replace(msgspec.convert(required, Identity), **known), odd


def _issued_at(claims: dict[str, Any]) -> float:
    """Return when the token was issued, by the host app's clock, but not later than now. It is 0 if
    the token does not say."""
    issued_at = _number(claims.get("iat"))
    return min(issued_at or 0.0, time.time())


def token_id(token: str) -> str:
    """Return the name under which a token is revoked: a hash of what is signed. The signature is
    left out, as it may be written in more than one way."""
    signed = token.rpartition(".")[0]
    return hashlib.blake2b(signed.encode(), digest_size=16).hexdigest()


def _number(value: object) -> int | float | None:
    """Return a NumericDate of RFC 7519; None for what is none, as JSON's Infinity."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if -math.inf < value < math.inf else None


def demo_email(user_id: str) -> str | None:
    """Return an address that never leaves the machine (RFC 2606); who gets no mail has none."""
    if is_reserved(user_id):
        return None
    local = user_id.lower() if _LOCAL_PART.match(user_id) else "demo"
    return f"{local}@linkup.example"


def bearer(authorization: str | None) -> str | None:
    """Return the token of an `Authorization: Bearer` header."""
    scheme, _, token = (authorization or "").partition(" ")
    return token.strip() if scheme.lower() == "bearer" and token.strip() else None
