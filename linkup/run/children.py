"""Owns one child process: its start, its readiness, its restarts and its end."""

import asyncio
import random
import signal
import subprocess
import time
from asyncio.subprocess import Process
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from pathlib import Path

from msgspec import Struct

from linkup.run.events import Died, Ready, Starting, Stopped, Tell, ending
from linkup.run.orphans import Leash
from shared.errors import StartError

FIRST_PAUSE = 0.2
LONGEST_PAUSE = 2.0
JITTER = 0.25  # a part of the pause
STEADY = 0.5  # who was ready as long, or lived LONG_LIFE, starts again with the first pause
LONG_LIFE = 5.0  # it may be a sibling's fault that a service is not ready
START_TIMEOUT = 60.0
STOP_TIMEOUT = 12.0  # above a service's own drain (8 s) and close (2 s)
SPAWN_FAILED = 127
ASKED = frozenset({0, -signal.SIGTERM})  # the status of who was asked to end: no crash


class Plan(Struct, frozen=True, kw_only=True):
    """The start of a child. `probe` returns its address once the process (pid) is ready."""

    name: str
    command: tuple[str, ...]
    probe: Callable[[int], Awaitable[tuple[str, int]]]
    environment: Mapping[str, str]
    directory: Path | None = None  # where it works
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
        self._ready_at: float | None = None  # on the monotonic clock, of the present process
        self._once_ready: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    @property
    def pid(self) -> int | None:
        return None if self._process is None else self._process.pid

    def start(self) -> None:
        self._keeper = asyncio.create_task(self._keep())

    async def ready(self) -> None:
        """Wait for the first answer. Raises ChildFailed if it gives up, StartError if it hangs."""
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
        crashes = 0  # in a row
        while True:
            began, self._ready_at = time.monotonic(), None
            pid, status = await self._live()
            if not self._once_ready.done() and status > 0:
                self._once_ready.set_exception(ChildFailed(self.plan.name, status))
                return
            crashed = status not in ASKED and not self._steady(began)
            crashes = crashes if crashed else 0
            seconds = pause(crashes)
            self._tell(
                Died(service=self.plan.name, pid=pid, status=status, restart_in=round(seconds, 2))
            )
            await asyncio.sleep(seconds)
            crashes += 1

    def _steady(self, began: float) -> bool:
        """Return whether the process that ended had worked before."""
        now = time.monotonic()
        ready_for = 0.0 if self._ready_at is None else now - self._ready_at
        return ready_for > STEADY or now - began > LONG_LIFE

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
            cwd=self.plan.directory,
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
        self._ready_at = time.monotonic()
        seconds = round(self._ready_at - began, 3)
        self._tell(Ready(service=self.plan.name, pid=pid, host=host, port=port, seconds=seconds))
        if not self._once_ready.done():
            self._once_ready.set_result(None)

    def _signal(self, number: signal.Signals) -> None:
        if self._process is not None and self._process.returncode is None:
            with suppress(ProcessLookupError):
                self._process.send_signal(number)


def pause(crashes: int) -> float:
    """Return the seconds before the next start: doubling up to LONGEST_PAUSE, spread over
    siblings."""
    doubled = FIRST_PAUSE * 2.0 ** min(crashes, 10)
    return min(LONGEST_PAUSE / (1 + JITTER), doubled) * random.uniform(1 - JITTER, 1 + JITTER)


async def _ended(process: Process, timeout: float) -> bool:
    try:
        async with asyncio.timeout(timeout):
            await process.wait()
    except TimeoutError:
        return False
    return True
