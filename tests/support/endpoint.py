"""Owns a stranger's HTTPS server for a test: what it was asked, and how it answers or does not."""

import asyncio
import datetime
import ipaddress
import ssl
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import NamedTuple

import h11
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

NAMES = ("localhost", "push.example", "hooks.example")
ADDRESSES = ("127.0.0.1", "127.0.0.2", "::1")


class Asked(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: bytes


class Endpoint:
    """`script`: how the next requests are answered, as `usual` when it is empty. A number is a
    status, with a header behind it as `429 retry-after: 7`; "late" is 201 after a moment, "hang"
    holds the answer until `release` is set, "drop" cuts the connection, "slow" begins an answer 201
    and never ends its body, "endless" sends a body without an end. `content`: the body of all
    others. `answers`: how each was answered. `refuse`: what a body has that is answered with 400,
    as are all requests to `refuse_path`. `reply`: makes the body of an answer. `after`:
    called when an answer has been written."""

    def __init__(self) -> None:
        self.host = ""
        self.port = 0
        self.connections = 0
        self.forget()

    def forget(self) -> None:
        """Begin again, with the same connections."""
        self.release = asyncio.Event()
        self.asked: list[Asked] = []
        self.answers: list[str] = []
        self.script: list[str] = []
        self.content = b""
        self.usual = "201"
        self.refuse = b""
        self.refuse_path = ""
        self.reply: Callable[[Asked], bytes] | None = None
        self.after: Callable[[], None] | None = None

    def url(self, path: str, host: str = "") -> str:
        return f"https://{host or self.host}:{self.port}{path}"

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        connection = h11.Connection(h11.SERVER)
        with suppress(OSError, h11.ProtocolError):
            while (asked := await _read(connection, reader)) is not None:
                self.asked.append(asked)
                act = self._act(asked)
                self.answers.append(act)
                if self.reply is not None:
                    self.content = self.reply(asked)
                if not await self._answer(act, connection, writer):
                    break
                connection.start_next_cycle()
        writer.transport.abort()

    def _act(self, asked: Asked) -> str:
        if asked.path == self.refuse_path or (self.refuse and self.refuse in asked.body):
            return "400"
        return self.script.pop(0) if self.script else self.usual

    async def _answer(
        self, act: str, connection: h11.Connection, writer: asyncio.StreamWriter
    ) -> bool:
        """False when the connection ends with it."""
        match act:
            case "drop":
                return False
            case "late":
                await asyncio.sleep(0.05)
                act = "201"
            case "hang":
                await self.release.wait()
                return False
            case "slow" | "endless":
                head = [("content-length", "1000000000")]
                _send(connection, writer, h11.Response(status_code=201, headers=head))
                _send(connection, writer, h11.Data(data=b"x"))
                while act == "endless":
                    _send(connection, writer, h11.Data(data=b"x" * 65_536))
                    await writer.drain()
                await self.release.wait()
                return False
        status, _, header = act.partition(" ")
        headers = [("content-length", str(len(self.content)))]
        if header:
            name, _, value = header.partition(": ")
            headers.append((name, value))
        _send(connection, writer, h11.Response(status_code=int(status), headers=headers))
        _send(connection, writer, h11.Data(data=self.content))
        _send(connection, writer, h11.EndOfMessage())
        if self.after is not None:
            self.after()
        await writer.drain()
        return True


def _send(connection: h11.Connection, writer: asyncio.StreamWriter, event: h11.Event) -> None:
    content = connection.send(event)
    assert content is not None
    writer.write(content)


async def _read(connection: h11.Connection, reader: asyncio.StreamReader) -> Asked | None:
    head, body = h11.Request(method="GET", target="/", headers=[("host", "none")]), b""
    while True:
        event = connection.next_event()
        if event is h11.NEED_DATA:
            connection.receive_data(await reader.read(65_536))
        elif isinstance(event, h11.Request):
            head = event
        elif isinstance(event, h11.Data):
            body += event.data
        elif isinstance(event, h11.EndOfMessage):
            headers = {name.decode(): value.decode() for name, value in head.headers}
            return Asked(head.method.decode(), head.target.decode(), headers, body)
        else:
            return None


@asynccontextmanager
async def endpoint(folder: Path, host: str = "127.0.0.1") -> AsyncIterator[Endpoint]:
    """On a free port, with the certificate in `folder`, which `certificate` has made."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "endpoint.pem", folder / "endpoint.key")
    there = Endpoint()
    serving: set[asyncio.Task[None]] = set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        serving.add(task)
        task.add_done_callback(serving.discard)
        await there.serve(reader, writer)

    server = await asyncio.start_server(serve, host, 0, ssl=context)
    there.host, there.port = host, server.sockets[0].getsockname()[1]
    try:
        yield there
    finally:
        there.release.set()
        server.close()
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)


def certificate(folder: Path) -> Path:
    """Make a certificate for NAMES and ADDRESSES; it is its own authority: SSL_CERT_FILE."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "endpoint")])
    now = datetime.datetime.now(datetime.UTC)
    names: list[x509.GeneralName] = [x509.DNSName(name) for name in NAMES]
    names += [x509.IPAddress(ipaddress.ip_address(address)) for address in ADDRESSES]
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName(names), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .add_extension(_usage(), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .sign(key, hashes.SHA256())
    )
    (folder / "endpoint.pem").write_bytes(built.public_bytes(serialization.Encoding.PEM))
    (folder / "endpoint.key").write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    return folder / "endpoint.pem"


def _usage() -> x509.KeyUsage:
    """Python 3.13 wants it of an authority."""
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=False,
        encipher_only=False,
        decipher_only=False,
    )
