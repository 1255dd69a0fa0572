"""Owns one child process: its start, its readiness, its restarts and its end."""

import asyncio
import random
import signal
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress

from msgspec import Struct

from linkup.events import Died, Ready, Starting, Stopped, Tell, ending
from linkup.orphans import Leash
from shared.errors import StartError

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 5.0
STEADY = 30.0  # who lived as long starts again with the first pause
START_TIMEOUT = 60.0
STOP_TIMEOUT = 12.0  # above a service's own drain (8 s) and close (2 s)
SPAWN_FAILED = 127


class Plan(Struct, frozen=True, kw_only=True):
    """How a child is started. `probe` returns its address once the process (pid) is ready."""

    name: str
    command: tuple[str, ...]
    probe: Callable[[int], Awaitable[tuple[str, int]]]
    environment: Mapping[str, str]
    listeners: tuple[int, ...] = ()  # the file descriptors it inherits
    silent: bool = False  # it has a log file of its own


class ChildFailed(Exception):
    """It ended by itself before it was ever ready."""

    def __init__(self, name: str, status: int) -> None:
        super().__init__(f"{name} {ending(status)}")
        self.name = name
        self.status = status


class Child:
    """Restarted when it dies, until it is stopped."""

    def __init__(self, plan: Plan, leash: Leash, tell: Tell) -> None:
        self.plan = plan
        self._leash = leash
        self._tell = tell
        self._process: Process | None = None
        self._keeper: asyncio.Task[None] | None = None
        self._once_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        """Until it once was. Raises ChildFailed when it gives up, StartError when it hangs."""
        try:
            async with asyncio.timeout(START_TIMEOUT):
                await self._once_ready
        except TimeoutError:
            raise StartError(
                f"{self.plan.name} is not ready after {START_TIMEOUT:.0f} s; its log says why"
            ) from None

    async def stop(self) -> None:
        """Ask it to end; after STOP_TIMEOUT make it."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.wait([self._keeper])
        if self._process is not None:
            if self._process.returncode is None:
                await self._end(self._process)
            self._leash.untie(self._process.pid)

    def kill(self) -> None:
        self._signal(signal.SIGKILL)

    async def _end(self, process: Process) -> None:
        self._signal(signal.SIGTERM)
        killed = not await _ended(process, STOP_TIMEOUT)
        if killed:
            self.kill()
            await process.wait()
        self._tell(Stopped(service=self.plan.name, pid=process.pid, killed=killed))

    async def _keep(self) -> None:
        attempt = 0
        while True:
            began = time.monotonic()
            pid, status = await self._live()
            if not self._once_ready.done() and status > 0:
                self._once_ready.set_exception(ChildFailed(self.plan.name, status))
                return
            attempt = 0 if time.monotonic() - began > STEADY else attempt
            seconds = pause(attempt)
            self._tell(
                Died(service=self.plan.name, pid=pid, status=status, restart_in=round(seconds, 2))
            )
            await asyncio.sleep(seconds)
            attempt += 1

    async def _live(self) -> tuple[int, int]:
        """One process from its start to its end: its pid and exit status."""
        began = time.monotonic()
        try:
            process = await self._spawn()
        except OSError:  # out of processes or memory: no reason to give up for ever
            return 0, SPAWN_FAILED
        readiness = asyncio.create_task(self._become_ready(process.pid, began))
        try:
            status = await process.wait()
            self._leash.untie(process.pid)
            return process.pid, status
        finally:
            readiness.cancel()
            await asyncio.wait([readiness])

    async def _spawn(self) -> Process:
        quiet = subprocess.DEVNULL if self.plan.silent else None
        self._process = process = await asyncio.create_subprocess_exec(
            *self.plan.command,
            env=dict(self.plan.environment),
            stdin=subprocess.DEVNULL,
            stdout=quiet or 2,  # our own stdout carries the events
            stderr=quiet,
            pass_fds=self.plan.listeners,
            start_new_session=True,  # a Ctrl-C at the terminal is for the parent alone
            preexec_fn=self._leash.preexec,
        )
        self._leash.tie(process.pid)
        self._tell(Starting(service=self.plan.name, pid=process.pid))
        return process

    async def _become_ready(self, pid: int, began: float) -> None:
        try:
            host, port = await self.plan.probe(pid)
        except OSError as error:
            if not self._once_ready.done():
                self._once_ready.set_exception(StartError(f"{self.plan.name}: {error}"))
            return
        seconds = round(time.monotonic() - began, 3)
        self._tell(Ready(service=self.plan.name, pid=pid, host=host, port=port, seconds=seconds))
        if not self._once_ready.done():
            self._once_ready.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def pause(attempt: int) -> float:
    """Seconds before the next start: doubling, with jitter so that siblings spread."""
    doubled: float = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(attempt, 10))
    return doubled * random.uniform(0.75, 1.25)


async def _ended(process: Process, timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            await process.wait()
    except TimeoutError:
        return False
    return True
