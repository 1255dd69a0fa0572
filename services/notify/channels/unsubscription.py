"""Owns the links that end e-mails without signing in: a token names the user and the type."""

from collections.abc import Callable

import jwt

from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from shared.errors import NotFound

ALGORITHM = "HS256"
AUDIENCE = "linkup.unsubscribe"
ALL = ""  # in place of a notification type

Link = Callable[[str, str], str]  # of a user and a type; empty if there is none


class Unsubscriptions:
    """Signs and reads tokens. They do not expire: an e-mail may be read years later."""

    def __init__(self, key: bytes, public_url: str) -> None:
        self._key = key
        self._public_url = public_url.rstrip("/")

    def link(self, user_id: str, notification_type: str) -> str:
        """Empty where no setting names the address of the gateway."""
        if not self._public_url:
            return ""
        return f"{self._public_url}/unsubscribe/{self.token(user_id, notification_type)}"

    def token(self, user_id: str, notification_type: str) -> str:
        claims = {"aud": AUDIENCE, "sub": user_id, "type": notification_type}
        return jwt.encode(claims, self._key, ALGORITHM)

    def read(self, token: str) -> tuple[str, str]:
        """Return the user and the notification type. Raises NotFound for a token of others."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                audience=AUDIENCE,
                options={"require": ["sub", "type"]},
            )
            return str(claims["sub"]), str(claims["type"])
        except jwt.InvalidTokenError:
            raise NotFound("There is no such page") from None


def type_of(content: Content) -> str:
    """The type whose e-mails the link of an e-mail ends."""
    match content:
        case MessageContent():
            return "new_message"
        case NoticeContent():
            return content.notification_type
        case DigestContent():
            return ALL
