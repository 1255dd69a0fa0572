"""Owns the web page: the static files of clients/web, their security headers, and what the page is
told of the ways to sign in."""

import hashlib
import html
import os
import re
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

from shared.settings import Settings

WEB = Path(__file__).resolve().parents[2] / "clients" / "web"
NAMES = frozenset(
    {
        "GET /",
        "GET /docs",
        "GET /chat/{user_id}/",
        "GET /group/{conversation_id}/",
        "GET /conversation/{conversation_id}/",
        "GET /service-worker.js",
        "/static",
    }
)
SERVED = frozenset({".html", ".css", ".js", ".svg"})


def policy(
    *, connect: Sequence[str] = (), ancestors: Sequence[str] = (), images: Sequence[str] = ()
) -> str:
    """Return the Content-Security-Policy. Everything comes from here and nothing runs that is not a
    file of ours; `'self'` of connect-src covers the WebSocket of the same host. Trusted types make
    innerHTML and its kin throw.

    `connect`: other origins that may be asked; `ancestors`: those that may show it in a frame;
    `images`: those whose pictures it shows.
    """
    return "; ".join(
        (
            "default-src 'self'",
            "script-src 'self'",
            "style-src 'self'",
            " ".join(("img-src 'self'", *images)),
            " ".join(("connect-src 'self'", *connect)),
            "object-src 'none'",
            "base-uri 'none'",
            "form-action 'self'",
            " ".join(("frame-ancestors", *(ancestors or ["'none'"]))),
            "require-trusted-types-for 'script'",
            "trusted-types linkup-worker",  # for the address of the service worker alone
        )
    )


HEADERS = {
    "Content-Security-Policy": policy(),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # revalidated by ETag each time: an upgrade reaches every page
}


TOLD = 'content="{}"'
FOREVER = {"Cache-Control": "public, max-age=31536000, immutable"}
VERSION = re.compile(r"[0-9a-f]{16}\Z")


class WebFiles(StaticFiles):
    """Files of the page, with its headers; a 304 carries them as well.

    Below a version, which stands for the content of all files, a browser need not ask again. A page
    of another release, whose version is not ours, gets the same file for this once.
    """

    def __init__(self, directory: Path) -> None:
        super().__init__(directory=directory)
        self.version = version_of(directory)

    async def get_response(self, path: str, scope: Scope) -> Response:
        version, _, rest = path.partition("/")
        path = rest if VERSION.match(version) else path
        if os.path.splitext(path)[1] not in SERVED:
            raise HTTPException(status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS | (FOREVER if version == self.version else {}))
        return response


@cache
def version_of(directory: Path) -> str:
    """Return a digest of all files of the page, by name and content, as they were at the start."""
    digest = hashlib.blake2b(digest_size=8)
    for file in sorted(directory.rglob("*")):
        if file.suffix in SERVED:
            digest.update(f"{file.relative_to(directory)}\0".encode() + file.read_bytes() + b"\0")
    return digest.hexdigest()


class Document:
    """An HTML file whose references to other files carry their version."""

    def __init__(
        self, directory: Path, name: str, version: str, headers: Mapping[str, str], told: str = "{}"
    ) -> None:
        """Prepare the file. `told` is JSON for the page, in the place that is kept for it."""
        text = (directory / name).read_text(encoding="utf-8")
        text = text.replace('"/static/', f'"/static/{version}/')
        self._content = text.replace(TOLD, f'content="{html.escape(told)}"').encode()
        tag = hashlib.blake2b(self._content, digest_size=8).hexdigest()
        self._headers = {**headers, "ETag": f'"{tag}"'}

    async def response(self, request: Request) -> Response:
        known = request.headers.get("if-none-match") == self._headers["ETag"]
        if known:
            return Response(status_code=304, headers=self._headers)
        return Response(self._content, media_type="text/html", headers=self._headers)


def ways_in(settings: Settings) -> str:
    """Return what the page is told about signing in, and about pictures, as JSON."""
    told = {
        "demo": settings.dev_login,
        "token_url": settings.token_url,
        "frame_ancestors": settings.frame_ancestors,
        "avatar_origins": settings.avatar_origins,
    }
    return msgspec.json.encode(told).decode()


def headers_of(settings: Settings) -> dict[str, str]:
    """Return the headers of the page: it may ask the host app, and may stand in its frame.

    A window that the framed page opens, to sign in for example, can then answer it.
    """
    parts = urlsplit(settings.token_url)
    asked = [f"{parts.scheme}://{parts.netloc}"] if settings.token_url else []
    ancestors = settings.frame_ancestors
    opener = "same-origin-allow-popups" if ancestors else "same-origin"
    return {
        **HEADERS,
        "Content-Security-Policy": policy(
            connect=asked, ancestors=ancestors, images=settings.avatar_origins
        ),
        "Cross-Origin-Opener-Policy": opener,
    }


def routes(settings: Settings) -> list[BaseRoute]:
    """Return the routes of the page. All but `/docs` are one page, which reads its own address."""
    files = WebFiles(WEB)
    page = Document(WEB, "index.html", files.version, headers_of(settings), ways_in(settings))
    docs = Document(WEB, "docs/index.html", files.version, HEADERS)

    async def worker(request: Request) -> Response:
        """At the top, as a worker may act only for pages below its own address."""
        return await files.get_response("service-worker.js", request.scope)

    return [
        Route("/", page.response, name="page"),
        Route("/service-worker.js", worker, name="worker"),
        Route("/docs", docs.response, name="docs"),
        Route("/chat/{user_id}/", page.response, name="chat"),
        Route("/group/{conversation_id}/", page.response, name="group"),
        Route("/conversation/{conversation_id}/", page.response, name="conversation"),
        Mount("/static", app=files, name="static"),
    ]
