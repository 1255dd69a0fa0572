"""Owns the standing of a user: whether they are banned, and which of their tokens are refused."""

from msgspec import Struct


class Standing(Struct, frozen=True, array_like=True, tag=True):
    """`valid_after`: tokens issued then or before are refused, and those that do not say when.
    `revoked`: single tokens by their ids, and when each of them expires. Times in microseconds."""

    banned: bool = False
    valid_after: int = 0
    revoked: dict[str, int] = {}

    def refuses(self, issued_at: int, token_id: str) -> bool:
        """Return whether this user's token is refused. `issued_at`: 0 if it does not say when."""
        return self.banned or issued_at <= self.valid_after != 0 or token_id in self.revoked


GOOD = Standing()


class Stands(Struct, frozen=True, kw_only=True):
    """For every gateway: a user's standing has changed to that."""

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
