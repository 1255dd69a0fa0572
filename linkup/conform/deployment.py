"""Owns access to the tested server: its addresses, tokens, and HTTP calls."""

import asyncio
import secrets
import urllib.parse
from collections.abc import Mapping
from typing import Any
from urllib.request import Request

import jwt
import msgspec
from msgspec import Struct

from linkup.calls import reply, request
from linkup.conform.verdict import Skipped, Unkept
from linkup.installation.tokens import Tokens, signing, usual_claims
from shared.reserved import PREFIX


class Answer(Struct, frozen=True):
    """An HTTP answer. The names of its headers are in lower case."""

    status: int
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """Raises Unkept when it is no JSON."""
        try:
            return msgspec.json.decode(self.body)
        except msgspec.DecodeError:
            raise Unkept("a body of JSON", repr(self.body[:300])) from None


class Deployment:
    """One server, seen from outside."""

    def __init__(
        self,
        url: str,
        secret: str = "",
        audience: str = "linkup",
        issuer: str = "",
        command: str = "",
    ) -> None:
        self.url = url.rstrip("/")
        self.socket_url = self.url.replace("http", "ws", 1)
        self.audience = audience
        self.issuer = issuer
        self.run = secrets.token_hex(3)
        self.users = f"{PREFIX}conform-{self.run}"  # how the ids of all users of this run begin
        self.abuse = False
        self._secret = "" if command else signing(secret)
        self._tokens = Tokens(self.url, secret, audience, issuer, command)
        self._given: dict[str, str] = {}

    async def enter(self, user_id: str) -> None:
        """Raises Unusable."""
        await asyncio.to_thread(self._tokens.check, user_id)

    async def token(self, user_id: str) -> str:
        """Return a token for the user. Raises CallFailed."""
        if user_id not in self._given:
            self._given[user_id] = await asyncio.to_thread(self._tokens.of, user_id)
        return self._given[user_id]

    def sign(self, user_id: str, **claims: Any) -> str:
        """Return a token with claims of our choice. Raises Skipped without the secret."""
        if not self._secret:
            raise Skipped("needs tokens of its own making: pass --secret")
        whole = usual_claims(user_id, self.audience, self.issuer, 300) | claims
        return jwt.encode(whole, self._secret, algorithm="HS256")

    async def call(
        self,
        method: str,
        path: str,
        token: str | None,
        body: bytes | None = None,
        query: Mapping[str, Any] | None = None,
    ) -> Answer:
        """Raises CallFailed when nobody answers."""
        address = self.url + path + (f"?{urllib.parse.urlencode(query)}" if query else "")
        return await asyncio.to_thread(_fetched, request(method, address, token, body))


def _fetched(asked: Request) -> Answer:
    """Return the answer, whatever its status: a check judges also a 429."""
    status, headers, body = reply(asked)
    return Answer(status, {name.lower(): value for name, value in headers.items()}, body)
