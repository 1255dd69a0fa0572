"""Owns the identity that a token or a ticket gives to a request or a WebSocket."""

from msgspec import Struct

from shared import frames


class Identity(Struct, frozen=True, kw_only=True):
    """The claims of a token. `expires_at`: seconds since 1970; the socket closes then. `issued_at`:
    likewise, 0 if it does not say when. `token_id` names the token itself. The others are None
    where it says nothing, and empty where it says that there is none."""

    user_id: frames.UserId
    expires_at: float
    issued_at: float = 0.0
    token_id: str = ""
    name: str | None = None
    email: str | None = None
    time_zone: str | None = None
    locale: str | None = None
    avatar: str | None = None
