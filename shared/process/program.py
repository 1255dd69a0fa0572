"""Owns the entry point of `python -m services.<service>`, which serves unless a command is named.

It loads nothing that only a service needs: that takes longer than most commands take to run.
"""

import argparse
import gc
import os
import signal
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import NoReturn

from shared.errors import Refusal, SettingError, StartError
from shared.process import logs
from shared.settings import Settings, load, variable

EXIT_SETTING = 78  # EX_CONFIG of sysexits.h
OBJECTS_OF_A_START = 100_000  # before the collector looks at them; nearly all of them stay

# What else the program does, by name, with the rest of its command line; the exit status.
Commands = Mapping[str, Callable[[Settings, Sequence[str]], int]]


def main(service: str, serve: Callable[[Settings], None], commands: Commands) -> None:
    """Run a service or one of its commands. Exits 0, 1 (cannot start), 78 (setting), or with the
    status of the command."""
    asked = _parsed(service, commands)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    os.umask(0o077)  # what a service writes is its own
    try:
        settings = load()
        logs.set_up(service, settings)
        if asked.command is not None:
            _end(commands[asked.command](settings, asked.arguments))
        gc.set_threshold(OBJECTS_OF_A_START)  # until the service is ready
        with _alone():
            serve(settings)
        _end(0)
    except SettingError as error:
        sys.exit(_say(service, f"bad setting: {error}", EXIT_SETTING))
    except StartError as error:
        sys.exit(_say(service, str(error), 1))
    except KeyboardInterrupt:
        sys.exit(130)


@contextmanager
def _alone() -> Iterator[None]:
    """A refusal that has ended a group of tasks is raised without the group, which is a traceback
    to whoever starts the service."""
    try:
        yield
    except BaseExceptionGroup as group:
        found: BaseException | None = group.subgroup(Refusal)
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        if found is None:
            raise
        raise found from None


def _end(status: int) -> NoReturn:
    """End at once, as everything is closed. An interpreter that takes itself down takes a tenth of
    a second of CPU time, waits for a name server that does not answer a look-up, and crashes beside
    the threads of obstore, which outlive their last answer."""
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(status)


def _parsed(service: str, commands: Commands) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog=f"python -m services.{service}",
        description=f"The {service} service, on {variable(f'{service}_port')}. "
        "Settings come from LINKUP_… variables; `linkup config` prints them.",
    )
    parser.add_argument("command", nargs="?", choices=sorted(commands), help="Do this instead.")
    parser.add_argument("arguments", nargs=argparse.REMAINDER, help="The rest is for it.")
    return parser.parse_args()


def _say(service: str, text: str, status: int) -> int:
    sys.stderr.write(f"linkup {service}: {text}\n")
    return status
