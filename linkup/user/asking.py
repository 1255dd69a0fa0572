"""Owns the requests of `linkup user` to the routes of the host app."""

import http.client
import json
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import quote, urlencode

from linkup.installation.operator import operator
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
        with self._reached(), self._opened(method, path, body) as got:
            found: Answer = json.loads(got.read() or "{}")
            return found

    def export(self, user_id: str) -> Iterator[bytes]:
        """Yield the document about a user, piece by piece."""
        last = b""
        with self._reached(), self._opened("GET", user(user_id, "export")) as got:
            while piece := got.read(PIECE):
                last = (last + piece)[-len(WHOLE) :]
                yield piece
        if last != WHOLE:
            raise StartError("the export is not whole: the gateway could not read a part of it")

    @contextmanager
    def _reached(self) -> Iterator[None]:
        try:
            yield
        except (OSError, ValueError, http.client.HTTPException) as error:
            reason = getattr(error, "reason", "") or error
            raise StartError(f"cannot reach {self._url}: {reason}; pass --url") from None

    def _opened(self, method: str, path: str, body: Any = None) -> Any:
        """Return the response. If there were too many requests, wait as long as it is told."""
        while True:
            try:
                return urllib.request.urlopen(self._request(method, path, body), timeout=TIMEOUT)
            except urllib.error.HTTPError as error:
                with error:
                    self._wait_or_raise(error)

    def _request(self, method: str, path: str, body: Any) -> urllib.request.Request:
        content = None if body is None else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {self._key}", "Content-Type": "application/json"}
        return urllib.request.Request(f"{self._url}{path}", content, headers, method=method)

    def _wait_or_raise(self, error: urllib.error.HTTPError) -> None:
        if error.code == http.client.TOO_MANY_REQUESTS:
            time.sleep(float(error.headers.get("Retry-After", "1")))
            return
        raise StartError(_told(error))

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
        for start in range(0, len(users), BULK):
            part = users[start : start + BULK]
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
    """The gateway of this machine, as `linkup run` has left it."""
    try:
        return operator(settings).urls["gateway"]
    except (StartError, KeyError):
        return f"http://127.0.0.1:{settings.gateway_port}"


def _told(error: urllib.error.HTTPError) -> str:
    """Return what is wrong, in one sentence."""
    try:
        detail = str(json.loads(error.read())["detail"])
    except (OSError, ValueError, KeyError, TypeError):
        return f"HTTP {error.code} instead of an answer of LinkUp: pass --url"
    if error.code == http.client.UNAUTHORIZED:
        return "the gateway has another key: set LINKUP_HOST_KEY or LINKUP_ADMIN_KEY as it has it"
    if error.code == http.client.NOT_FOUND and "route" in detail:
        return "the gateway has no key: start it with LINKUP_HOST_KEY or LINKUP_ADMIN_KEY"
    return detail[:1].lower() + detail[1:]
