"""Owns the whole product for a test: the real `linkup run`, on free ports, with its own data."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import jwt

from linkup.run.services import answers
from shared.route import LIMITS
from shared.settings import PREFIX, to_environment
from tests.support.processes import tied
from tests.support.stores import lay_out
from tests.support.waiting import eventually, within

START_SECONDS = 30
STOP_SECONDS = 30
AUDIENCE = "linkup"
UNLIMITED: dict[str, Any] = {
    "message_rate": 0,
    "sockets_per_user": 0,
    "sockets_per_address": 0,
    "strikes_per_minute": 0,
}
ADMIN_KEY, HOST_KEY = (
    "the-operators-key-of-the-tests-32-bytes",
    "the-host-apps-key-of-the-tests-32-bytes",
)
KEYS: dict[str, Any] = {
    "admin_key": ADMIN_KEY,
    "host_key": HOST_KEY,
    "admin_per_minute": 0,
    "host_per_minute": 0,
}
# What a test looks for in the store is its own.
NO_CANARY = {"canary_every": 0}
# Settings of every product that is started, as `loop=asyncio`: .ci/run tries the other values so.
CHOSEN = dict(one.split("=", 1) for one in os.environ.get("STACK_SETTINGS", "").split())

Event = dict[str, Any]


class Stack:
    """A running `linkup run` and what it has told so far."""

    def __init__(self, data_dir: Path, log: Path, process: asyncio.subprocess.Process) -> None:
        self.data_dir = data_dir
        self.log = log  # what the services and `linkup run` wrote to stderr
        self.process = process
        self.events: list[Event] = []
        self._secret: str | None = None

    @property
    def pid(self) -> int:
        return self.process.pid

    @property
    def url(self) -> str:
        """The address of the gateway: `http://127.0.0.1:PORT`."""
        return str(self.told("started")[0]["url"])

    @property
    def ws_url(self) -> str:
        return self.url.replace("http", "ws", 1) + "/ws"

    def told(self, event: str, service: str | None = None) -> list[Event]:
        """The events of a kind so far, of one service or all."""
        return [
            told
            for told in self.events
            if told["event"] == event and service in (None, told.get("service"))
        ]

    def pids(self) -> dict[str, int]:
        """The process ids by name: nats-server, persistence, notify, gateway (gateway-2 …)."""
        return {name: state["pid"] for name, state in self._states().items()}

    def port(self, service: str) -> int:
        return int(self.told("ready", service)[-1]["port"])

    async def ready(self) -> None:
        """Wait until all is ready (again), as `linkup run` and /readyz say.

        A service may also be unready for a moment while another one comes back.
        """
        await self.until(self._all_ready)
        await eventually(self._all_answer, START_SECONDS)

    async def until(self, condition: Callable[[], bool], seconds: float = START_SECONDS) -> None:
        """Wait until the condition holds; fail at once when `linkup run` has ended."""

        def holds() -> bool:
            if not condition() and self.process.returncode is not None:
                raise AssertionError(f"linkup run ended: {self.process.returncode}")
            return condition()

        await eventually(holds, seconds)

    async def kill(self, service: str) -> None:
        """SIGKILL that child, and wait until `linkup run` has noticed; it starts it again."""
        pid = self.pids()[service]
        os.kill(pid, signal.SIGKILL)
        await self.until(lambda: any(died["pid"] == pid for died in self.told("died", service)))

    async def stop(self, number: signal.Signals = signal.SIGTERM) -> int:
        """Ask it to stop; its exit status."""
        if self.process.returncode is None:
            self.process.send_signal(number)
        async with within(STOP_SECONDS):
            return await self.process.wait()

    def token(self, user_id: str, **claims: Any) -> str:
        """A token as the host app would sign it, for five minutes unless `exp` says otherwise."""
        content = {
            "sub": user_id,
            "aud": AUDIENCE,
            "exp": int(time.time()) + 300,
            "name": user_id.title(),
            **claims,
        }
        return jwt.encode(content, self.secret, algorithm="HS256")

    @property
    def secret(self) -> str:
        if self._secret is None:
            self._secret = (self.data_dir / "jwt-secret").read_text().strip()
        return self._secret

    async def listen(self) -> None:
        """Take in the events until the pipe closes."""
        assert self.process.stdout is not None
        async for line in self.process.stdout:
            self.events.append(json.loads(line))

    def _states(self) -> dict[str, Event]:
        """The last word on each child that lives."""
        states: dict[str, Event] = {}
        for event in self.events:
            match event["event"]:
                case "starting" | "ready":
                    states[event["service"]] = event
                case "died" | "stopped":
                    states.pop(event["service"], None)
        return states

    def _all_ready(self) -> bool:
        states = self._states()
        known = {event["service"] for event in self.told("starting")}
        return (
            bool(self.told("started"))
            and states.keys() == known
            and all(state["event"] == "ready" for state in states.values())
        )

    async def _all_answer(self) -> bool:
        services = self.pids().keys() - {"nats-server"}
        return all([await answers("127.0.0.1", self.port(service)) for service in services])


@asynccontextmanager
async def run_stack(
    tmp_path: Path,
    *,
    gateways: int = 1,
    environment: dict[str, str] | None = None,
    from_nothing: bool = False,
    most_files: int | None = None,
    **settings: Any,
) -> AsyncIterator[Stack]:
    """Everything, started and ready; stopped at the end, which has to succeed.

    `settings` by field name, as `message_rate=0`; `environment` for what is no setting. The data
    are in `tmp_path / "data"`: the same path again is the same data again. The databases are
    there, empty, before the first start, unless it is to be `from_nothing`.
    """
    if not from_nothing:
        await lay_out(tmp_path / "data")
    async with started_stack(
        tmp_path, gateways=gateways, environment=environment, most_files=most_files, **settings
    ) as stack:
        await stack.ready()
        yield stack
        status = await stack.stop()
        assert status == 0, f"linkup run ended with status {status}"
        assert not [event for event in stack.told("stopped") if event["killed"]]


@asynccontextmanager
async def started_stack(
    tmp_path: Path,
    *,
    gateways: int = 1,
    environment: dict[str, str] | None = None,
    most_files: int | None = None,
    **settings: Any,
) -> AsyncIterator[Stack]:
    """As `run_stack`, but not waited for, and how it ends is the test's affair."""
    log = tmp_path / "run.log"
    with open(log, "ab") as stderr:  # noqa: ASYNC230 - before anything else runs
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "linkup", "run", "--json", "--gateways", str(gateways)),
            env=_environment(tmp_path / "data", environment or {}, settings),
            cwd=tmp_path,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            preexec_fn=tied(most_files),
        )
    stack = Stack(tmp_path / "data", log, process)
    listening = asyncio.create_task(stack.listen())
    try:
        yield stack
    except BaseException:
        _show(stack)
        raise
    finally:
        if process.returncode is None:
            process.kill()  # the children die with it
        await process.wait()
        await listening


def _environment(data_dir: Path, extra: dict[str, str], settings: dict[str, Any]) -> dict[str, str]:
    ours = {name: value for name, value in os.environ.items() if not name.startswith(PREFIX)}
    free_ports = {"gateway_port": 0, "persistence_port": 0, "notify_port": 0}
    no_rates = dict.fromkeys(LIMITS.values(), 0)  # a test asks more in a minute than a person
    usual = {"data_dir": data_dir, **free_ports, **no_rates, **NO_CANARY}
    return ours | to_environment(usual | CHOSEN | settings) | extra


def _show(stack: Stack) -> None:
    """pytest prints it with the failure."""
    for event in stack.events:
        sys.stderr.write(f"linkup run told: {json.dumps(event)}\n")
    sys.stderr.write(stack.log.read_text(errors="replace"))
