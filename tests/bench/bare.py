"""Owns the floor of e-mail: aiosmtplib alone, in a process of its own.

It sends letters that are ready, or writes each of them from its text and its HTML, as an app does.
"""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from functools import cache
from itertools import cycle
from pathlib import Path
from typing import Any, Literal

import aiosmtplib
import msgspec
from msgspec import Struct

from shared.process.loop import loop_factory
from shared.settings import Settings

OF_PARTS = ("MIME-Version", "Content-Type")
Letters = Iterator[tuple[str, bytes]]
Way = Literal["ready", "kept", "written"]


class Job(Struct, frozen=True, kw_only=True):
    """`letters`: each with its recipient. `way`: `ready` and `written` make a connection for each
    letter, `kept` one for many."""

    port: int
    sender: str
    letters: list[tuple[str, bytes]]
    concurrency: int
    way: Way = "ready"


class Bare:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = process.pid

    async def send(self, number: int) -> None:
        """So many letters, over and over those of the job."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None
        assert stdout is not None
        stdin.write(b"%d\n" % number)
        if not await stdout.readline():
            raise ChildProcessError("aiosmtplib could not send a letter")


@asynccontextmanager
async def bare(job: Job, file: Path) -> AsyncIterator[Bare]:
    await asyncio.to_thread(file.write_bytes, msgspec.msgpack.encode(job))
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.bare", str(file)),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    try:
        yield Bare(process)
    finally:
        if process.stdin is not None:
            process.stdin.close()  # the end of its input is the end of it
        await process.wait()


async def send(job: Job, number: int) -> None:
    letters = (letter for _, letter in zip(range(number), cycle(job.letters), strict=False))
    async with asyncio.TaskGroup() as group:
        for _ in range(job.concurrency):
            group.create_task(WAYS[job.way](job, letters))


async def _ready(job: Job, letters: Letters) -> None:
    for to, letter in letters:
        await aiosmtplib.send(letter, sender=job.sender, recipients=[to], **_there(job))


async def _written(job: Job, letters: Letters) -> None:
    for _, ready in letters:
        await aiosmtplib.send(_again(*_parts(ready)), **_there(job))


async def _kept(job: Job, letters: Letters) -> None:
    async with aiosmtplib.SMTP(**_there(job)) as client:
        for to, letter in letters:
            await client.sendmail(job.sender, [to], letter)


WAYS = {"ready": _ready, "kept": _kept, "written": _written}


def _there(job: Job) -> dict[str, Any]:
    return {
        "hostname": "127.0.0.1",
        "port": job.port,
        "local_hostname": "bench",
        "start_tls": False,
    }


@cache
def _parts(letter: bytes) -> tuple[list[tuple[str, str]], str, str]:
    """Return the headers, the text and the HTML."""
    read = message_from_bytes(letter.replace(b"\r\n", b"\n"), policy=default)
    assert isinstance(read, EmailMessage)
    text, html = (str(part.get_content()) for part in read.iter_parts())
    headers = [(name, str(value)) for name, value in read.items() if name not in OF_PARTS]
    return headers, text, html


def _again(headers: list[tuple[str, str]], text: str, html: str) -> EmailMessage:
    letter = EmailMessage()
    for name, value in headers:
        letter[name] = value
    letter.set_content(text)
    letter.add_alternative(html, subtype="html")
    return letter


def main(file: Path) -> None:
    job = msgspec.msgpack.decode(file.read_bytes(), type=Job)
    with asyncio.Runner(loop_factory=loop_factory(Settings().loop)) as runner:
        for line in sys.stdin:
            runner.run(send(job, int(line)))
            print(flush=True)  # noqa: T201 - this is how it says that it is done


if __name__ == "__main__":
    main(Path(sys.argv[1]))
