"""The CPU time, wakes and memory that are read of a process are true."""

import asyncio
import mmap
import os
import time
from pathlib import Path

import pytest

from linkup.load import cpu
from tests.bench.memory import memory_kb
from tests.bench.product import Unusable, checkout


def test_cpu_time_is_that_of_the_process() -> None:
    before, own = cpu.cpu_seconds(os.getpid()), time.process_time()
    while time.process_time() < own + 0.02:
        pass
    spent = (cpu.cpu_seconds(os.getpid()) or 0.0) - (before or 0.0)
    assert 0.02 <= spent < 0.02 + time.process_time() - own
    assert cpu.cpu_seconds(4_194_305) is None  # above the highest pid


async def test_a_wake_is_a_sleep_that_ended() -> None:
    usage = cpu.Usage({"own": os.getpid(), "none": 4_194_305})
    usage.start()
    sleeps = 0  # a busy machine lets some of them pass without a sleep
    while usage.wakes()["own"] < 50:
        await asyncio.sleep(0.003)
        sleeps += 1
    assert sleeps >= 5  # others of its threads wake up as well
    assert list(usage.wakes()) == ["own"]


def test_the_memory_of_a_process_is_read() -> None:
    before = memory_kb(os.getpid())
    with mmap.mmap(-1, 64_000 * 1024) as more:  # of the system, not of what was free already
        more.write(b"x" * len(more))
        assert 60_000 < memory_kb(os.getpid()) - before < 80_000


def test_a_folder_that_is_no_checkout_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Unusable, match="no checkout"):
        checkout(tmp_path)


def test_a_checkout_that_is_not_installed_says_what_to_do(tmp_path: Path) -> None:
    (tmp_path / "linkup").mkdir()
    (tmp_path / "linkup" / "__main__.py").touch()
    with pytest.raises(Unusable, match=f"make -C {tmp_path} install"):
        checkout(tmp_path)
