"""Owns a host app for tests: it signs people in by cookie, signs their tokens, frames the page."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, Response
from starlette.routing import Route

FRAME = """<!doctype html><title>Host</title>
<iframe src="{chat}" width="1000" height="700"></iframe>
<script>
addEventListener("message", async ({{ data, origin, source }}) => {{
  if (origin !== "{chat}" || data?.type !== "linkup:token-request") return;
  const answer = await fetch("/linkup/token", {{ method: "POST" }});
  const {{ token }} = await answer.json();
  source.postMessage({{ type: "linkup:token", nonce: data.nonce, token }}, origin);
}});
</script>"""


class HostApp:
    """`chat`: the origin of the page; `sign` makes a token; `lasting`: its seconds, by user."""

    def __init__(self) -> None:
        self.port = 0
        self.chat = ""
        self.sign: Callable[..., str] = lambda user_id, **claims: ""
        self.lasting: dict[str, int] = {}
        self.gone: set[str] = set()  # who is no longer signed in, whatever their cookie says
        self.asked: list[str] = []

    def url(self, host: str = "127.0.0.1") -> str:
        return f"http://{host}:{self.port}"

    def routes(self) -> list[Route]:
        return [
            Route("/", self.page),
            Route("/sign-in/{user_id}", self.sign_in),
            Route("/linkup/token", self.token, methods=["POST"]),
        ]

    async def page(self, request: Request) -> Response:
        return HTMLResponse(FRAME.format(chat=self.chat))

    async def sign_in(self, request: Request) -> Response:
        response = HTMLResponse("Welcome")
        response.set_cookie("user", request.path_params["user_id"], httponly=True, samesite="lax")
        return response

    async def token(self, request: Request) -> Response:
        user_id = request.cookies.get("user", "")
        self.asked.append(user_id)
        headers = {
            "Access-Control-Allow-Origin": self.chat,
            "Access-Control-Allow-Credentials": "true",
        }
        if not user_id or user_id in self.gone:
            return JSONResponse({"sign_in_url": "/sign-in/alice"}, 401, headers)
        exp = int(time.time()) + self.lasting.get(user_id, 300)
        return JSONResponse({"token": self.sign(user_id, exp=exp)}, headers=headers)


@asynccontextmanager
async def host_app() -> AsyncIterator[HostApp]:
    """On a free port of this machine, under whatever name it is asked for."""
    host = HostApp()
    config = uvicorn.Config(Starlette(routes=host.routes()), lifespan="off", log_level="warning")
    server = uvicorn.Server(config)
    with socket.create_server(("127.0.0.1", 0)) as listener:
        host.port = listener.getsockname()[1]
        serving = asyncio.create_task(server.serve(sockets=[listener]))
        try:
            yield host
        finally:
            server.should_exit = True
            await serving
