"""Owns the tokens of the users that a command plays: printed, signed here, or of the demo login."""

import shlex
import subprocess
import time
import urllib.parse
from http import HTTPStatus
from typing import Any

import jwt
import msgspec
from msgspec import Struct

from linkup.calls import CallFailed, Refused, fetched, request

INBOX = "/v1/conversations"
LOGIN = "/v1/dev/login"
TOKEN_LIFE = 3600
COMMAND_TIMEOUT = 30.0  # seconds, of a token command
LEAST_SECRET_BYTES = 32  # RFC 7518, section 3.2
NO_LOGIN = (
    "this server has no demo login: pass --secret or set LINKUP_JWT_SECRET, or pass "
    "--token-command if it takes only tokens of published keys"
)
FEW_LOGINS = (
    "this server limits demo logins (LINKUP_AUTH_PER_MINUTE, by default 10 a minute for an "
    "address): pass --secret or --token-command, or set LINKUP_AUTH_PER_MINUTE=0 at the server"
)


class Unusable(CallFailed):
    """There is no server of ours at that URL, or it does not let us in with our tokens."""


class Login(Struct, frozen=True):
    token: str


def signing(secret: str) -> str:
    """Return the secret that signs: the first, where two are separated by a comma."""
    return secret.partition(",")[0].strip()


def usual_claims(user_id: str, audience: str, issuer: str, lasting: int) -> dict[str, Any]:
    """Return the claims that every token needs. `lasting`: seconds."""
    now = int(time.time())
    claims = {"sub": user_id, "aud": audience, "iat": now, "exp": now + lasting}
    return {**claims, "iss": issuer} if issuer else claims


def printed(command: str, user_id: str) -> str:
    """Return the token that the command prints when the user id is appended to it. Raises
    CallFailed."""
    try:
        done = subprocess.run(
            [*shlex.split(command), user_id],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            encoding="utf-8",
            errors="replace",
            timeout=COMMAND_TIMEOUT,
        )
    except subprocess.TimeoutExpired:
        raise CallFailed(f"the token command has not ended within {COMMAND_TIMEOUT:g} s") from None
    except (OSError, ValueError) as error:
        raise CallFailed(f"the token command cannot be run: {error}") from None
    if done.returncode:
        said = (done.stderr.strip().splitlines() or ["without a word"])[-1]
        raise CallFailed(f"the token command failed with status {done.returncode}: {said}")
    if len(done.stdout.split()) != 1:
        raise CallFailed("the token command must print one token, and nothing else")
    return done.stdout.strip()


class Tokens:
    """Gives a user a token: printed by a command, or signed here when we know the secret, or else
    by the demo login."""

    def __init__(
        self, url: str, secret: str, audience: str, issuer: str = "", command: str = ""
    ) -> None:
        self._url = url.rstrip("/")
        self._command = command
        self._secret = "" if command else signing(secret)
        self._audience = audience
        self._issuer = issuer

    def check(self, user_id: str) -> None:
        """See whether a server of ours is there and takes the token. Raises Unusable."""
        if not _is_http(self._url):
            raise Unusable(
                f"{self._url} is no URL of a server; write http://host:port or https://host"
            )
        if self._secret and len(self._secret.encode()) < LEAST_SECRET_BYTES:
            raise Unusable(
                "the secret is not the server's, which has at least "
                f"{LEAST_SECRET_BYTES} bytes: pass --secret or set LINKUP_JWT_SECRET"
            )
        try:
            self._ask(self.of(user_id))
        except CallFailed as fault:
            raise Unusable(str(fault)) from None

    def _ask(self, token: str) -> None:
        """Raises CallFailed."""
        try:
            answer = fetched(request("GET", f"{self._url}{INBOX}?limit=1", token))
            msgspec.json.decode(answer, type=dict[str, Any])
        except Refused as error:
            if error.status == HTTPStatus.UNAUTHORIZED:
                raise CallFailed(self._refused()) from None
            if not error.ours:
                raise CallFailed(self._stranger(f"GET {INBOX}: {error}")) from None
        except msgspec.DecodeError:
            raise CallFailed(self._stranger(f"GET {INBOX}: no JSON")) from None

    def _refused(self) -> str:
        if self._command:
            return (
                "it does not take what the token command prints: `linkup token check` says what is "
                "wrong with a token"
            )
        return (
            f"the secret is not the server's, or the audience is not {self._audience}, "
            f"or the issuer is not {self._issuer or 'left out'}: "
            "it takes no token of ours; pass --secret or set LINKUP_JWT_SECRET"
        )

    def _stranger(self, saw: str) -> str:
        return f"{self._url} does not answer as a LinkUp server does ({saw})"

    def of(self, user_id: str) -> str:
        """Raises CallFailed."""
        if self._command:
            return printed(self._command, user_id)
        return self._signed(user_id) if self._secret else self._dev_login(user_id)

    def _signed(self, user_id: str) -> str:
        claims = usual_claims(user_id, self._audience, self._issuer, TOKEN_LIFE)
        return jwt.encode(claims, self._secret, algorithm="HS256")

    def _dev_login(self, user_id: str) -> str:
        body = msgspec.json.encode({"user_id": user_id})
        try:
            answer = fetched(request("POST", f"{self._url}{LOGIN}", body=body), waits=False)
        except Refused as error:
            raise self._not_let_in(error) from None
        try:
            return msgspec.json.decode(answer, type=Login).token
        except msgspec.DecodeError:
            raise CallFailed(self._stranger(f"POST {LOGIN}: no token")) from None

    def _not_let_in(self, error: Refused) -> CallFailed:
        said = f"POST {LOGIN}: {error}"
        match error.ours, error.status:
            case True, HTTPStatus.NOT_FOUND:
                return CallFailed(NO_LOGIN)
            case True, HTTPStatus.TOO_MANY_REQUESTS:
                return Unusable(FEW_LOGINS)
            case ours, _:
                return CallFailed(said if ours else self._stranger(said))


def _is_http(url: str) -> bool:
    try:
        parts = urllib.parse.urlsplit(url)
        return parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
