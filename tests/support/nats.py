"""Owns a real nats-server for tests. A missing binary is a failure, never a skip."""

import asyncio
import json
import signal
import subprocess
import sysconfig
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.support.processes import stopped, tied
from tests.support.waiting import eventually, within

BINARY = Path(sysconfig.get_path("scripts")) / "nats-server"


class NatsServer:
    """One server on one port: it can be killed and come back there."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._port = -1
        self._process: asyncio.subprocess.Process | None = None

    @property
    def url(self) -> str:
        return f"nats://127.0.0.1:{self._port}"

    async def start(self) -> None:
        self._process = await asyncio.create_subprocess_exec(
            *(BINARY, "-a", "127.0.0.1", "-p", str(self._port), "-l", self._folder / "nats.log"),
            *("--ports_file_dir", self._folder),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=tied(),
        )
        file = self._folder / f"nats-server_{self._process.pid}.ports"
        await eventually(lambda: file.exists() and file.read_text().endswith("}"))
        self._port = int(json.loads(file.read_text())["nats"][0].rpartition(":")[2])

    @asynccontextmanager
    async def frozen(self) -> AsyncIterator[None]:
        """SIGSTOP, and SIGCONT at the end."""
        assert self._process is not None
        self._process.send_signal(signal.SIGSTOP)
        await eventually(partial(stopped, self._process.pid))
        try:
            yield
        finally:
            self._process.send_signal(signal.SIGCONT)

    async def stop(self) -> None:
        """SIGTERM; nothing to do when it is not running."""
        if self._process is not None and self._process.returncode is None:
            self._process.terminate()
            async with within(10):
                await self._process.wait()

    async def kill(self) -> None:
        """SIGKILL: `start` brings it back on the same port."""
        if self._process is not None and self._process.returncode is None:
            self._process.kill()
            await self._process.wait()


@asynccontextmanager
async def nats_broker() -> AsyncIterator[NatsServer]:
    """A server that the test stops, kills and starts again."""
    with tempfile.TemporaryDirectory() as folder:
        server = NatsServer(Path(folder))
        await server.start()
        try:
            yield server
        finally:
            await server.stop()


@asynccontextmanager
async def nats_server() -> AsyncIterator[str]:
    """The URL of a server without credentials, on a free port."""
    async with nats_broker() as server:
        yield server.url
