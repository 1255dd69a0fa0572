"""Owns the samples of a running product: taken in its services, fetched from outside."""

import asyncio
import os
import re
import signal
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from tests.support.waiting import eventually

INJECTED = Path(__file__).parent / "injected"
SAMPLED = ("gateway", "persistence", "notify")
INSTALLED = re.compile(r".*/(?:site-packages|lib/python3\.\d+)/")

Stack = tuple[str, ...]  # `services/gateway/hub.py:Hub.join`, innermost first


class Samples(Struct, frozen=True, kw_only=True):
    """CPU seconds of one process: in all, of its main thread by stack, of its other threads, and
    of the stages that were timed in those. `missing`: functions to time that are not there.
    """

    cpu: float
    main: list[tuple[Stack, float]]
    others: float
    stages: dict[str, float]
    missing: list[str]


def environment(folder: Path, timed: Mapping[str, str]) -> dict[str, str]:
    """Return the environment that lets the services of a product be sampled."""
    return {
        "PYTHONPATH": str(INJECTED),
        "BENCH_SAMPLES": str(folder),
        "BENCH_TIMED": msgspec.json.encode(timed).decode(),
    }


@asynccontextmanager
async def sampling(
    pids: Mapping[str, int], folder: Path, root: Path
) -> AsyncIterator[dict[str, Samples]]:
    """Yield the samples, which are filled in at the end. `root` is the root of the checkout; files
    are named from there."""
    found: dict[str, Samples] = {}
    _signal(pids)
    yield found
    _signal(pids)
    for service in SAMPLED:
        file = folder / f"{service}.samples"
        await eventually(file.exists)
        samples = msgspec.json.decode(await asyncio.to_thread(file.read_bytes), type=Samples)
        named = [(tuple(short(one, root) for one in stack), s) for stack, s in samples.main]
        found[service] = msgspec.structs.replace(samples, main=named)
        file.unlink()


def _signal(pids: Mapping[str, int]) -> None:
    for service in SAMPLED:
        os.kill(pids[service], signal.SIGUSR2)


def short(frame: str, root: Path) -> str:
    """Shorten the name of a frame by the folders above the package."""
    return INSTALLED.sub("", frame.removeprefix(f"{root}/"))
