"""Owns the start of a service's program with the effective settings and its own secrets."""

import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import msgspec

from shared.settings import INTERNAL, PREFIX, SECRETS, Settings, to_environment

ALLOWED_SECRETS: Mapping[str, frozenset[str]] = {
    "gateway": frozenset({"jwt_secret", "admin_key", "host_key", "moderation_secret", "nats_url"}),
    "persistence": frozenset({"database_url", "nats_url"}),
    "notify": frozenset({"notify_database_url", "smtp_password", "vapid_private_key", "nats_url"}),
}
NOT_INHERITED = frozenset({"LINKUP_CONFIG", "LINKUP_LISTEN_FD"})


Process = subprocess.Popen[bytes]


def command(service: str, *arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-P", "-m", f"services.{service}", *arguments)


def started(
    service: str,
    settings: Settings,
    *arguments: str,
    stdin: IO[bytes] | None = None,
) -> Process:
    """Start the service's own command, whose stdout is to be read; what fails it says on stderr."""
    return subprocess.Popen(
        command(service, *arguments),
        env=environment(service, settings),
        stdin=stdin or subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )


class Failed(Exception):
    """A service's command did not end well; it has said why. `status`: its exit status."""

    def __init__(self, status: int) -> None:
        super().__init__(f"exit status {status}")
        self.status = status if status > 0 else 1


@contextmanager
def ended(*processes: Process) -> Iterator[IO[bytes]]:
    """Yield the output of the last process, for the caller to read to its end; then wait for all.
    Raises Failed."""
    said = processes[-1].stdout
    assert said is not None
    try:
        yield said
        for process in processes:
            if process.wait():
                raise Failed(process.returncode)
    finally:
        said.close()
        for process in processes:
            process.kill()
            process.wait()


def environment(service: str, settings: Settings, port: int | None = None) -> dict[str, str]:
    """Return every setting but the secrets of others: what is in force is decided once, here."""
    given: dict[str, Any] = {
        name: value
        for name, value in msgspec.to_builtins(settings).items()
        if name not in SECRETS - ALLOWED_SECRETS[service]
    }
    given["data_dir"] = str(Path(settings.data_dir).absolute())
    if port is not None:
        given[f"{service}_port"] = port
    return bare_environment() | to_environment(given)


def bare_environment() -> dict[str, str]:
    """Return our environment without the settings: each child is given its own."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) or name in INTERNAL - NOT_INHERITED
    }
