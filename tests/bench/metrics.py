"""Owns what metrics cost: the product with them and without, measured in alternating windows."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

import httpx2
from msgspec import Struct

from tests.bench import priority
from tests.bench.product import running, this
from tests.bench.results import Machine, machine
from tests.bench.subject import Extent, Subject
from tests.support.stack import Stack

WINDOWS = 10  # of each
AT_MOST = 1.05
SCRAPED = ("gateway", "persistence", "notify")


class Cost(Struct, frozen=True, kw_only=True):
    """Server CPU µs a message in each window."""

    machine: Machine
    on: list[float]
    off: list[float]

    @property
    def ratio(self) -> float:
        """The median ratio of windows that followed each other: other load changes more slowly."""
        return median(on / off for on, off in zip(self.on, self.off, strict=True))


async def measure(extent: Extent, folder: Path, say: Callable[[str], None]) -> Cost:
    """Raises LoadFailed, Unsound, Unusable. Who is first changes from window to window."""
    on: list[float] = []
    off: list[float] = []
    with priority.alone(say):
        async with _product(folder, "1") as with_them, _product(folder, "0") as without:
            sides = [(with_them, on, "on"), (without, off, "off")]
            for number in range(WINDOWS):
                for stack, found, word in sides[:: 1 if number % 2 else -1]:
                    found.append(await _window(stack, extent, word == "on"))
                    say(f"window {number + 1} of {WINDOWS}, {word}: {found[-1]:.0f} µs a message")
    return Cost(machine=machine(), on=on, off=off)


@asynccontextmanager
async def _product(folder: Path, value: str) -> AsyncIterator[Stack]:
    own = folder / f"metrics-{value}"
    own.mkdir()
    async with running(this(), own, {"LINKUP_METRICS": value}) as stack:
        priority.prefer(stack.pids().values())
        yield stack


async def _window(stack: Stack, extent: Extent, scraped: bool) -> float:
    """At full load; what is scraped is scraped once, as often as Prometheus would."""

    async def work(seconds: float) -> None:
        async with httpx2.AsyncClient() as client:
            for service in SCRAPED if scraped else ():
                url = f"http://127.0.0.1:{stack.port(service)}/metrics"
                (await client.get(url)).raise_for_status()

    report, _ = await Subject(stack, extent, lambda text: None).during(0.0, work)
    return report.server_cpu_us_total or 0.0


def words(cost: Cost) -> str:
    lines = [
        f"metrics on and off, {WINDOWS} windows each in turns; {cost.machine}",
        "",
        "server CPU µs a message",
        *(
            f"{name:<4} median {median(found):6.1f}   {min(found):6.1f} to {max(found):6.1f}"
            for name, found in (("on", cost.on), ("off", cost.off))
        ),
        f"ratio {cost.ratio:.3f}, target ≤ {AT_MOST}",
    ]
    return "\n".join(lines) + "\n"
