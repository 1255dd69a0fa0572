"""Owns the standing of a user: whether they are banned, and which of their tokens are refused."""

from msgspec import Struct


class Standing(Struct, frozen=True, array_like=True, tag=True):
    """Tells which tokens are refused: those issued at `valid_after` or earlier, or without a time,
    and the `revoked` ones, which expire at the given times. Times are microseconds since 1970."""

    banned: bool = False
    valid_after: int = 0
    revoked: dict[str, int] = {}

    def refuses(self, issued_at: int, token_id: str) -> bool:
        """Return whether this user's token is refused. `issued_at`: 0 if it does not say when."""
        return self.banned or issued_at <= self.valid_after != 0 or token_id in self.revoked


GOOD = Standing()


class Stands(Struct, frozen=True, kw_only=True):
    """Tells every gateway that a user's standing has changed to this."""

    user_id: str
    standing: Standing


class SetBan(Struct, frozen=True, kw_only=True, tag=True):
    """Refuse every token of this user, or end that. Answered by their Standing."""

    user_id: str
    banned: bool


class Disconnect(Struct, frozen=True, kw_only=True, tag=True):
    """Refuse the tokens of this user that were issued until now. Answered by their Standing."""

    user_id: str


class RevokeToken(Struct, frozen=True, kw_only=True, tag=True):
    """Refuse one token of this user, until it expires. Answered by their Standing."""

    user_id: str
    token_id: str
    expires_at: int
