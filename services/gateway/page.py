"""Owns the web page: the static files of clients/web and their security headers."""

import os
from pathlib import Path

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Scope

WEB = Path(__file__).resolve().parents[2] / "clients" / "web"
NAMES = frozenset(
    {
        "GET /",
        "GET /docs",
        "GET /chat/{user_id}/",
        "GET /group/{conversation_id}/",
        "GET /service-worker.js",
        "/static",
    }
)
SERVED = frozenset({".html", ".css", ".js", ".svg"})

# Everything comes from here and nothing runs that is not a file of ours; `'self'` of connect-src
# covers the WebSocket of the same host. Trusted types make innerHTML and its kin throw.
POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types linkup-worker",  # for the address of the service worker alone
    )
)
HEADERS = {
    "Content-Security-Policy": POLICY,
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",  # revalidated by ETag each time: an upgrade reaches every page
}


class WebFiles(StaticFiles):
    """Files of the page, with its headers; a 304 carries them as well."""

    async def get_response(self, path: str, scope: Scope) -> Response:
        if os.path.splitext(path)[1] not in SERVED:
            raise HTTPException(status_code=404)
        response = await super().get_response(path, scope)
        response.headers.update(HEADERS)
        return response


def routes() -> list[BaseRoute]:
    """All but `/docs` are one page, which reads its own address."""
    files = WebFiles(directory=WEB)

    async def page(request: Request) -> Response:
        return await files.get_response("index.html", request.scope)

    async def docs(request: Request) -> Response:
        return await files.get_response("docs/index.html", request.scope)

    async def worker(request: Request) -> Response:
        """At the top, as a worker may act only for pages below its own address."""
        return await files.get_response("service-worker.js", request.scope)

    return [
        Route("/", page, name="page"),
        Route("/service-worker.js", worker, name="worker"),
        Route("/docs", docs, name="docs"),
        Route("/chat/{user_id}/", page, name="chat"),
        Route("/group/{conversation_id}/", page, name="group"),
        Mount("/static", app=files, name="static"),
    ]
