"""The choice of the event loop of a service."""

import asyncio
import sys

import pytest

from shared.errors import SettingError
from shared.process.loop import loop_factory, name_of


def made(wanted: str) -> str:
    with asyncio.Runner(loop_factory=loop_factory(wanted)) as runner:
        return name_of(runner.get_loop())


@pytest.mark.parametrize(
    ("wanted", "got"), [("auto", "uvloop"), ("uvloop", "uvloop"), ("asyncio", "asyncio")]
)
def test_the_setting_names_the_loop(wanted: str, got: str) -> None:
    assert made(wanted) == got


def test_without_uvloop_the_loop_is_asyncios_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "uvloop", None)
    assert made("auto") == "asyncio"
    with pytest.raises(SettingError, match=r"LINKUP_LOOP=uvloop: .*; write asyncio"):
        made("uvloop")
