"""Owns the choice of the event loop: uvloop if it is installed, otherwise asyncio."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

from shared.errors import SettingError


def loop_factory(wanted: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Of the loop that the setting names: asyncio, uvloop, or auto.

    Raises SettingError when uvloop is wanted and not installed.
    """
    if wanted == "asyncio" or (wanted == "auto" and find_spec("uvloop") is None):
        return asyncio.new_event_loop
    try:
        import uvloop
    except ImportError as error:
        raise SettingError(f"LINKUP_LOOP={wanted}: {error}; write asyncio") from None
    return uvloop.new_event_loop


def name_of(loop: asyncio.AbstractEventLoop) -> str:
    """As the setting names it."""
    return type(loop).__module__.partition(".")[0]
