"""Owns what the load generator asks over HTTP: tokens to come in with, and pages to read back."""

import time
import urllib.error
import urllib.parse
import urllib.request
from collections.abc import Iterator

import jwt
import msgspec
from msgspec import Struct

TIMEOUT = 15.0
PAGE = 100
TOKEN_LIFE = 3600
TOO_MANY = 429


class CallFailed(Exception):
    """The server answered with an error, or not at all; the text says which and what to do."""


class Login(Struct, frozen=True):
    token: str


class StoredMessage(Struct, frozen=True):
    message_id: int
    seq: int
    sender_id: str
    client_id: str
    content: str


class Page(Struct, frozen=True):
    messages: list[StoredMessage]
    has_more: bool


class Door:
    """Gives a user a token: signed here when we know the secret, else by the development login."""

    def __init__(self, url: str, secret: str, audience: str) -> None:
        self._url = url.rstrip("/")
        self._secret = secret
        self._audience = audience

    def token(self, user_id: str) -> str:
        """Raises CallFailed."""
        return self._signed(user_id) if self._secret else self._dev_login(user_id)

    def _signed(self, user_id: str) -> str:
        claims = {"sub": user_id, "aud": self._audience, "exp": int(time.time()) + TOKEN_LIFE}
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _dev_login(self, user_id: str) -> str:
        body = msgspec.json.encode({"user_id": user_id})
        try:
            answer = _fetch(urllib.request.Request(f"{self._url}/v1/dev/login", data=body))
        except urllib.error.HTTPError as error:
            if error.code == 404:
                raise CallFailed(
                    "this server has no development login: pass --secret or set LINKUP_JWT_SECRET"
                ) from None
            raise CallFailed(f"POST /v1/dev/login: {_fault(error)}") from None
        return msgspec.json.decode(answer, type=Login).token


def history(url: str, token: str, conversation_id: str) -> list[StoredMessage]:
    """The whole conversation, oldest first. Raises CallFailed."""
    pages = list(_pages_back(url.rstrip("/"), token, conversation_id))
    return [message for page in reversed(pages) for message in page]


def _pages_back(url: str, token: str, conversation_id: str) -> Iterator[list[StoredMessage]]:
    name = urllib.parse.quote(conversation_id, safe="")
    query = f"limit={PAGE}"
    while True:
        request = urllib.request.Request(
            f"{url}/v1/conversations/{name}/messages?{query}",
            headers={"Authorization": f"Bearer {token}"},
        )
        try:
            page = msgspec.json.decode(_fetch(request), type=Page)
        except urllib.error.HTTPError as error:
            raise CallFailed(f"GET /v1/conversations/…/messages: {_fault(error)}") from None
        yield page.messages
        if not page.has_more or not page.messages:
            return
        query = f"limit={PAGE}&before_id={page.messages[0].message_id}"


def _fetch(request: urllib.request.Request) -> bytes:
    """The answer; on a server that limits how often one may ask, when it lets us."""
    if request.data is not None:
        request.add_header("Content-Type", "application/json")
    while True:
        try:
            return _answer(request)
        except urllib.error.HTTPError as error:
            if error.code != TOO_MANY:
                raise
            with error:
                time.sleep(float(error.headers.get("Retry-After", "1")))


def _answer(request: urllib.request.Request) -> bytes:
    try:
        with urllib.request.urlopen(request, timeout=TIMEOUT) as response:
            body: bytes = response.read()
            return body
    except urllib.error.HTTPError:
        raise
    except OSError as error:
        reason = getattr(error, "reason", error)
        raise CallFailed(f"cannot reach {request.host}: {reason}; is it running?") from None


def _fault(error: urllib.error.HTTPError) -> str:
    with error:
        text = error.read(300).decode(errors="replace")
    return f"HTTP {error.code} {text}".rstrip()
