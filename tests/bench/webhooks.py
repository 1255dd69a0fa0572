"""Owns what a webhook costs those who chat: acks with one and without, in alternating windows."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx2
from msgspec import Struct

from tests.bench import priority
from tests.bench.product import running, this
from tests.bench.results import Machine, machine
from tests.bench.subject import RATE, Extent, Subject
from tests.support.endpoint import certificate
from tests.support.processes import tied
from tests.support.stack import Stack
from tests.support.waiting import eventually

WINDOWS = 8  # of each
AT_MOST = 1.25
KEY = "the-key-of-the-host-app-of-at-least-32-bytes"
PATH = "/v1/admin/webhooks/main"


class Window(Struct, frozen=True, kw_only=True):
    """`notify_us`: CPU of notify for a message."""

    p50_ms: float
    p99_ms: float
    notify_us: float


class Cost(Struct, frozen=True, kw_only=True):
    """`delivered`: events that the webhook accepted."""

    machine: Machine
    on: list[Window]
    off: list[Window]
    delivered: int

    @property
    def ratio(self) -> float:
        """The median ratio of windows that followed each other: other load changes more slowly."""
        pairs = zip(self.on, self.off, strict=True)
        return median(on.p99_ms / off.p99_ms for on, off in pairs)


async def measure(extent: Extent, folder: Path, say: Callable[[str], None]) -> Cost:
    """Raises LoadFailed, Unsound, Unusable. Who is first changes from window to window."""
    on: list[Window] = []
    off: list[Window] = []
    delivered = 0
    trusted = certificate(folder)
    environment = {
        "LINKUP_HOST_KEY": KEY,
        "LINKUP_OUTBOUND_ALLOWED": "127.0.0.1",
        "SSL_CERT_FILE": str(trusted),
    }
    with priority.alone(say):
        async with _receiver(folder) as url, running(this(), folder, environment) as stack:
            priority.prefer(stack.pids().values())
            for number in range(WINDOWS):
                for is_on in (True, False)[:: 1 if number % 2 else -1]:
                    async with _registered(stack, url if is_on else "") as webhook:
                        found = await _window(stack, extent)
                    delivered += webhook.delivered
                    (on if is_on else off).append(found)
                    word = "with" if is_on else "without"
                    say(f"window {number + 1} of {WINDOWS}, {word}: p99 {found.p99_ms:.1f} ms")
    return Cost(machine=machine(), on=on, off=off, delivered=delivered)


async def _window(stack: Stack, extent: Extent) -> Window:
    report = await Subject(stack, extent, lambda text: None).load(RATE)
    return Window(
        p50_ms=report.ack.p50_ms or 0.0,
        p99_ms=report.ack.p99_ms or 0.0,
        notify_us=(report.server_cpu_us or {}).get("notify", 0.0),
    )


class Delivered:
    def __init__(self) -> None:
        self.delivered = 0


@asynccontextmanager
async def _registered(stack: Stack, url: str) -> AsyncIterator[Delivered]:
    """A webhook, unless there is no URL; at the end all has been delivered, and it is deleted."""
    told = Delivered()
    if not url:
        yield told
        return
    headers = {"Authorization": f"Bearer {KEY}"}
    async with httpx2.AsyncClient(base_url=stack.url, headers=headers) as client:
        (await client.put(PATH, json={"url": url})).raise_for_status()
        yield told

        async def idle() -> bool:
            found = (await client.get(PATH)).json()
            before, told.delivered = told.delivered, int(found["delivered"])
            return not found["waiting"] and told.delivered == before

        await eventually(idle, 60)
        (await client.delete(PATH)).raise_for_status()


@asynccontextmanager
async def _receiver(folder: Path) -> AsyncIterator[str]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.bench.receiver", str(folder)),
        stdout=asyncio.subprocess.PIPE,
        preexec_fn=tied(None),
    )
    assert process.stdout is not None
    try:
        port = int(await process.stdout.readline())
        yield f"https://127.0.0.1:{port}/events"
    finally:
        process.kill()
        await process.wait()


def words(cost: Cost) -> str:
    lines = [
        f"a webhook and none, {WINDOWS} windows each in turns, {RATE:.0f} messages/s;"
        f" {cost.machine}",
        "",
        "ack p50 and p99 in ms, CPU µs of notify for a message (medians)",
        *(_line(name, found) for name, found in (("with", cost.on), ("without", cost.off))),
        f"p99 ratio {cost.ratio:.3f}, target ≤ {AT_MOST}; {cost.delivered:,} events delivered",
    ]
    return "\n".join(lines) + "\n"


def _line(name: str, found: list[Window]) -> str:
    p50, p99 = median(one.p50_ms for one in found), median(one.p99_ms for one in found)
    return f"{name:<8} {p50:6.2f} {p99:7.2f} {median(one.notify_us for one in found):6.0f}"
