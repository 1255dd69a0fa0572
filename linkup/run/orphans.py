"""Owns the promise that no child outlives `linkup run`, not even after `kill -9`.

Linux kills a child with its parent when asked to (PR_SET_PDEATHSIG). Elsewhere a second, tiny
process holds the end of a pipe: when the pipe closes without a word, it kills what is on its list.
There, a child started in the last instant before the kill can be missed.
"""

import asyncio
import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Protocol

PR_SET_PDEATHSIG = 1


class Leash(Protocol):
    preexec: Callable[[], None] | None

    def tie(self, pid: int) -> None: ...

    def untie(self, pid: int) -> None: ...


class KernelLeash:
    """Each child asks the kernel, between fork and exec."""

    def __init__(self) -> None:
        prctl = ctypes.CDLL(None).prctl  # looked up here: a forked child should not import
        parent = os.getpid()

        def die_with_parent() -> None:
            prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died before the request
                os._exit(1)

        self.preexec: Callable[[], None] | None = die_with_parent

    def tie(self, pid: int) -> None:
        pass

    def untie(self, pid: int) -> None:
        pass


class PipeLeash:
    """A watching process is told each child's coming and going."""

    preexec: Callable[[], None] | None = None

    def __init__(self, pipe: asyncio.StreamWriter) -> None:
        self._pipe = pipe

    def tie(self, pid: int) -> None:
        self._pipe.write(b"+%d\n" % pid)

    def untie(self, pid: int) -> None:
        self._pipe.write(b"-%d\n" % pid)


@asynccontextmanager
async def leash(by_kernel: bool = sys.platform == "linux") -> AsyncIterator[Leash]:
    if by_kernel:
        yield KernelLeash()
        return
    watcher = await asyncio.create_subprocess_exec(
        *(sys.executable, "-P", __file__),  # as a file: the package would be loaded with it
        stdin=subprocess.PIPE,
        start_new_session=True,
    )
    assert watcher.stdin is not None
    try:
        yield PipeLeash(watcher.stdin)
    finally:
        watcher.stdin.close()
        await watcher.wait()


def watch(lines: Callable[[], str]) -> set[int]:
    """Read until the pipe closes; answer which children are still there."""
    alive: set[int] = set()
    while line := lines():
        pid = int(line[1:])
        if line.startswith("+"):
            alive.add(pid)
        else:
            alive.discard(pid)
    return alive


def main() -> None:
    for pid in watch(sys.stdin.readline):
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


if __name__ == "__main__":
    main()
