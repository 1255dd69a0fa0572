"""Owns the requests of `linkup user` to the routes of the host app."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus
from typing import IO, Any
from urllib.parse import quote, urlencode

from linkup.calls import Refused, Unreachable, answered, request
from linkup.installation.operator import operator
from shared.chunks import chunks
from shared.errors import StartError
from shared.settings import Settings

TIMEOUT = 30.0  # seconds
USERS = "/v1/admin/users"
PAGE = 100
BULK = 200  # users of one request, which then fits into its limit of bytes
PIECE = 64 * 1024  # bytes
WHOLE = b'"complete":true}'  # how a document ends that is whole
PAUSE = 1.0  # seconds, while an erasure goes on

Answer = dict[str, Any]


class Host:
    """The routes of the host app at that URL, with that key. All methods raise StartError."""

    def __init__(self, url: str, key: str) -> None:
        self._url = url.rstrip("/")
        self._key = key

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        """Return the answer, which is empty if it has no body."""
        with self._answered(method, path, body) as got:
            found: Answer = json.loads(got.read() or "{}")
            return found

    def export(self, user_id: str) -> Iterator[bytes]:
        """Yield the document about a user, piece by piece."""
        last = b""
        with self._answered("GET", user(user_id, "export")) as got:
            while piece := got.read(PIECE):
                last = (last + piece)[-len(WHOLE) :]
                yield piece
        if last != WHOLE:
            raise StartError("the export is not whole: the gateway could not read a part of it")

    @contextmanager
    def _answered(self, method: str, path: str, body: Any = None) -> Iterator[IO[bytes]]:
        content = None if body is None else json.dumps(body).encode()
        try:
            asked = request(method, f"{self._url}{path}", self._key, content)
            with answered(asked, TIMEOUT) as answer:
                yield answer
        except Unreachable as error:
            raise StartError(f"cannot reach {self._url}: {error.reason}; pass --url") from None
        except Refused as error:
            raise StartError(_told(error)) from None

    def pages(self, path: str, items: str, limit: int, **query: str) -> Iterator[Answer]:
        """Yield the items of a list, up to that number, page by page."""
        after: str | None = None
        while limit > 0:
            asked = {**query, "limit": str(min(limit, PAGE))} | ({"after": after} if after else {})
            page = self.ask("GET", f"{path}?{urlencode(asked)}")
            yield from page[items][:limit]
            limit -= len(page[items])
            after = page["next"]
            if after is None:
                return

    def put_many(self, users: list[Answer]) -> Iterator[Answer]:
        """Yield the result for each of the users, in order."""
        for part in chunks(users, BULK):
            yield from self.ask("POST", USERS, {"users": part})["results"]

    def erase(self, user_id: str) -> Answer:
        """Erase a user, and wait until nothing is left."""
        while True:
            answer = self.ask("DELETE", user(user_id))
            if answer["state"] == "erased":
                return answer
            time.sleep(PAUSE)


def user(user_id: str, *more: str) -> str:
    """Return the path of a user, or of something of theirs."""
    return "/".join((USERS, *(quote(part, safe="") for part in (user_id, *more))))


def host(settings: Settings, url: str | None) -> Host:
    """Raises StartError."""
    keys = settings.host_key or settings.admin_key
    if not keys:
        raise StartError("set LINKUP_HOST_KEY or LINKUP_ADMIN_KEY, as for the gateway")
    return Host(url or _usual_url(settings), keys.partition(",")[0].strip())


def _usual_url(settings: Settings) -> str:
    """Return the gateway of this machine, as `linkup run` has left it."""
    try:
        return operator(settings).urls["gateway"]
    except (StartError, KeyError):
        return f"http://127.0.0.1:{settings.gateway_port}"


def _told(error: Refused) -> str:
    """Return what is wrong, in one sentence."""
    try:
        detail = str(json.loads(error.body)["detail"])
    except (ValueError, KeyError, TypeError):
        return f"HTTP {error.status} instead of an answer of LinkUp: pass --url"
    if error.status == HTTPStatus.UNAUTHORIZED:
        return "the gateway has another key: set LINKUP_HOST_KEY or LINKUP_ADMIN_KEY as it has it"
    if error.status == HTTPStatus.NOT_FOUND and "route" in detail:
        return "the gateway has no key: start it with LINKUP_HOST_KEY or LINKUP_ADMIN_KEY"
    return detail[:1].lower() + detail[1:]
