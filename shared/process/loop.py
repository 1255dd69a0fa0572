"""Owns the choice of the event loop: uvloop if it is installed, otherwise asyncio."""

import asyncio
from collections.abc import Callable
from importlib.util import find_spec

from shared.errors import SettingError


def loop_factory(wanted: str) -> Callable[[], asyncio.AbstractEventLoop]:
    """Return the factory of the configured event loop: asyncio, uvloop, or auto.

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
    """Return the name of an event loop, as in the setting."""
    return type(loop).__module__.partition(".")[0]
