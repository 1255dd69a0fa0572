"""Owns the apps of examples/ for tests: each runs as its readme says, behind a proxy with TLS."""

import asyncio
import os
import re
import shutil
import ssl
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec

from tests.support.processes import tied
from tests.support.waiting import within

EXAMPLES = Path(__file__).parents[2] / "examples"
UVICORN = (sys.executable, "-m", "uvicorn", "--app-dir", str(EXAMPLES), "--port", "0")
COMMANDS = {
    "django": (*UVICORN, "--lifespan", "off", "django_app:application"),
    "fastapi": (*UVICORN, "fastapi_app:app"),
    "express": ("node", str(EXAMPLES / "express_app.mjs")),
}
RUNNING = re.compile(rb"running on http://127\.0\.0\.1:(\d+)")


def can_run(name: str) -> bool:
    """Express is there once `npm install` was run in examples/."""
    installed = (EXAMPLES / "node_modules" / "express").exists()
    return name != "express" or (installed and shutil.which("node") is not None)


def private_key(folder: Path) -> Path:
    """As `openssl ecparam -name prime256v1 -genkey -noout` makes it."""
    key = ec.generate_private_key(ec.SECP256R1())
    file = folder / "host-key.pem"
    file.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
    )
    return file


class TlsProxy:
    """Takes connections with TLS, and passes what they carry on to `target`, a port."""

    def __init__(self) -> None:
        self.port = self.target = 0
        self._serving: set[asyncio.Task[None]] = set()

    def url(self, host: str) -> str:
        return f"https://{host}:{self.port}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._serving.add(task)
        task.add_done_callback(self._serving.discard)
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        try:
            await asyncio.gather(_pass_on(reader, back), _pass_on(there, writer))
        finally:
            for end in (writer, back):
                end.close()
                with suppress(OSError):
                    await end.wait_closed()

    async def close(self) -> None:
        for task in self._serving:
            task.cancel()
        await asyncio.gather(*self._serving, return_exceptions=True)


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    with suppress(OSError):
        while content := await source.read(65_536):
            sink.write(content)
            await sink.drain()
    sink.close()


@asynccontextmanager
async def tls_proxy(certificate: Path) -> AsyncIterator[TlsProxy]:
    """`certificate`: a PEM file, with its key beside it."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    proxy = TlsProxy()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0, ssl=context)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        await proxy.close()


@asynccontextmanager
async def example(name: str, chat: str, key: Path) -> AsyncIterator[int]:
    """The port of the running app."""
    process = await asyncio.create_subprocess_exec(
        *COMMANDS[name],
        env={
            "PATH": os.environ["PATH"],
            "PORT": "0",
            "CHAT_URL": chat,
            "HOST_KEY_FILE": str(key),
            "DJANGO_SECRET_KEY": "a secret of this test",
        },
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        preexec_fn=tied(),
    )
    assert process.stdout is not None
    said = b""
    try:
        async with within(30):
            while not (found := RUNNING.search(said)):
                line = await process.stdout.readline()
                assert line, f"{name} ended: {said.decode()}"
                said += line
        yield int(found[1])
    finally:
        process.kill()
        await process.communicate()
