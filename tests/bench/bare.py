"""Owns the floor of e-mail: aiosmtplib alone, in a process of its own, sending what it is given."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from itertools import cycle
from pathlib import Path

import aiosmtplib
import msgspec
from msgspec import Struct

from shared.loop import loop_factory
from shared.settings import Settings


class Job(Struct, frozen=True, kw_only=True):
    """`letters`: a file of them, each with its recipient. `kept`: a connection for many letters."""

    port: int
    sender: str
    letters: list[tuple[str, bytes]]
    concurrency: int
    kept: bool = False


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
    work = _kept if job.kept else _each
    async with asyncio.TaskGroup() as group:
        for _ in range(job.concurrency):
            group.create_task(work(job, letters))


async def _each(job: Job, letters: Iterator[tuple[str, bytes]]) -> None:
    for to, letter in letters:
        await aiosmtplib.send(
            letter,
            sender=job.sender,
            recipients=[to],
            hostname="127.0.0.1",
            port=job.port,
            local_hostname="bench",
            start_tls=False,
        )


async def _kept(job: Job, letters: Iterator[tuple[str, bytes]]) -> None:
    async with aiosmtplib.SMTP(
        hostname="127.0.0.1", port=job.port, local_hostname="bench", start_tls=False
    ) as client:
        for to, letter in letters:
            await client.sendmail(job.sender, [to], letter)


def main(file: Path) -> None:
    job = msgspec.msgpack.decode(file.read_bytes(), type=Job)
    with asyncio.Runner(loop_factory=loop_factory(Settings().loop)) as runner:
        for line in sys.stdin:
            runner.run(send(job, int(line)))
            print(flush=True)  # noqa: T201 - this is how it says that it is done


if __name__ == "__main__":
    main(Path(sys.argv[1]))
