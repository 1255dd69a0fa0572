"""Owns whose tokens are used: those of one user, checked before anything is sent with them."""

import base64
import binascii
from collections.abc import Awaitable, Callable

import msgspec
from msgspec import Struct

from linkup_client.errors import ConnectionRefused

Token = str | Callable[[], Awaitable[str]]

UNAUTHORIZED = 4401
FAR = 2**53  # seconds: no clock shows that


class Claims(Struct, frozen=True):
    sub: object = None
    exp: object = None


class Tokens:
    """The tokens of one user. `token` is one, or a function that gets a fresh one. `user_id` is
    the user they have to name, or None until that is known."""

    def __init__(self, token: Token, user_id: str | None = None) -> None:
        self._token = token
        self.user_id = user_id
        self.subject: str | None = None  # of the latest token
        self.latest: str | None = None

    @property
    def renewable(self) -> bool:
        return callable(self._token)

    async def get(self) -> str:
        """Raises ConnectionRefused if the token is another user's, and what the function raises."""
        token = self._token if isinstance(self._token, str) else await self._token()
        self.latest, self.subject = token, subject_of(token)
        if reason := self.foreign(self.subject):
            raise ConnectionRefused(UNAUTHORIZED, reason)
        return token

    def foreign(self, owner: str | None) -> str | None:
        """Return why a token of that user is not used, if so."""
        if owner is None or self.user_id in (None, owner):
            return None
        return f"the token is of user {owner!r}, not of {self.user_id!r}"


def subject_of(token: str) -> str | None:
    """Return the user that a JWT names, which the server verifies; None if it is no JWT."""
    subject = claims_of(token).sub
    return subject if isinstance(subject, str) else None


def end_of(token: str) -> float | None:
    """Return when a JWT expires, in seconds since 1970; None if it does not say so."""
    end = claims_of(token).exp
    return end if isinstance(end, int | float) and abs(end) < FAR else None


def claims_of(token: str) -> Claims:
    """Return what a JWT says, which the server verifies; nothing if it is no JWT."""
    _, _, rest = token.partition(".")
    claims = rest.partition(".")[0]
    try:
        content = base64.urlsafe_b64decode(claims + "=" * (-len(claims) % 4))
        return msgspec.json.decode(content, type=Claims)
    except (binascii.Error, msgspec.MsgspecError, RecursionError, ValueError):
        return Claims()
