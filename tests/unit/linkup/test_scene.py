"""The time that a slow token command takes is no fault of the server that `conform` tests."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from websockets.asyncio.server import ServerConnection, serve
from websockets.http11 import Request

from linkup.conform.check import Attempt, Check
from linkup.conform.checks.hello import many_silent_sockets_hurt_nobody
from linkup.conform.deployment import Deployment
from linkup.conform.play import play
from linkup.conform.scene import Scene
from linkup.conform.verdict import Unkept


class Slow(Deployment):
    """A server whose tokens take `seconds` each; `noted` has what happened, in order."""

    def __init__(self, port: int = 9, seconds: float = 0.0) -> None:
        super().__init__(f"http://127.0.0.1:{port}", "s" * 32)
        self.noted: list[str] = []
        self._seconds = seconds

    async def enter(self, user_id: str) -> None: ...

    async def token(self, user_id: str) -> str:
        if user_id not in self._given:
            self.noted.append("token")
            await asyncio.sleep(self._seconds)
        return await super().token(user_id)


@asynccontextmanager
async def listening() -> AsyncIterator[Slow]:
    """A server that accepts every WebSocket and says nothing."""

    def opened(connection: ServerConnection, request: Request) -> None:
        deployment.noted.append("socket")

    async def silence(connection: ServerConnection) -> None:
        await connection.wait_closed()

    async with serve(silence, "127.0.0.1", 0, process_request=opened) as server:
        deployment = Slow(server.sockets[0].getsockname()[1])
        yield deployment


async def one_that_says_hello_late(scene: Scene) -> None:
    alice = await scene.socket("alice")
    await alice.send("hello", token=await scene.token("alice"))


@pytest.mark.parametrize("attempt", [one_that_says_hello_late, many_silent_sockets_hurt_nobody])
async def test_a_token_is_there_before_a_socket_is_open(attempt: Attempt) -> None:
    """The server closes a socket that says nothing for five seconds."""
    async with listening() as deployment:
        try:
            async with Scene(deployment, "linkup--s", 0.1) as scene:
                await attempt(scene)
        except Unkept:
            pass  # this server answers nothing
    assert deployment.noted[0] == "token"
    assert "token" not in deployment.noted[1:]
    assert "socket" in deployment.noted


async def test_the_wait_for_a_token_is_no_time_of_the_check() -> None:
    async def waits(scene: Scene) -> None:
        await scene.token("alice")

    check = Check(name="a", section="hello", promise="", sentence="", attempt=waits, seconds=0.2)
    found = await play(Slow(seconds=0.3), [check], lambda text: None)
    assert [(one.verdict, one.saw) for one in found.checks] == [("pass", "")]


async def test_a_check_still_ends_in_its_time_after_a_token() -> None:
    async def hangs(scene: Scene) -> None:
        await scene.token("alice")
        await asyncio.Event().wait()

    check = Check(name="a", section="hello", promise="", sentence="", attempt=hangs, seconds=0.2)
    found = await play(Slow(), [check], lambda text: None)
    assert [one.verdict for one in found.checks] == ["fail"]
