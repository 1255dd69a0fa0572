"""Owns a product under measurement: the `linkup run` of a checkout, this one or another."""

import asyncio
import json
import os
import subprocess
import sysconfig
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from msgspec import Struct

from shared.route import LIMITS
from shared.settings import PREFIX, to_environment
from tests.support.processes import tied
from tests.support.stack import START_SECONDS, Stack
from tests.support.waiting import TIMEOUT_FACTOR

# Of the environment: what would start other code, or compile all of it at each start.
OURS_ALONE = frozenset({"PYTHONPATH", "VIRTUAL_ENV", "PYTHONDONTWRITEBYTECODE"})
HERE = Path(__file__).parents[2]
SETTINGS: dict[str, Any] = {  # neither refuses what the generator does
    "data_dir": "data",
    "gateway_port": 0,
    "persistence_port": 0,
    "notify_port": 0,
    "message_rate": 0,
    "sockets_per_address": 0,
    "sockets_per_user": 0,
    "jwt_audience": "linkup",
    **dict.fromkeys(LIMITS.values(), 0),
}


class Unusable(Exception):
    """There is no product to start; the text says what to do."""


class Checkout(Struct, frozen=True, kw_only=True):
    root: Path
    linkup: Path  # its installed command
    commit: str


def this() -> Checkout:
    scripts = Path(sysconfig.get_path("scripts"))
    return Checkout(root=HERE, linkup=scripts / "linkup", commit=commit_of(HERE))


def checkout(root: Path) -> Checkout:
    """Raises Unusable."""
    root = root.absolute()
    if not (root / "linkup" / "__main__.py").exists():
        raise Unusable(f"{root} is no checkout of LinkUp messaging")
    command = root / ".venv" / "bin" / "linkup"
    if not command.exists():
        raise Unusable(f"{root} is not installed: run `make -C {root} install`")
    return Checkout(root=root, linkup=command, commit=commit_of(root))


def commit_of(root: Path) -> str:
    asked = subprocess.run(
        ["git", "describe", "--always", "--dirty"], cwd=root, capture_output=True, text=True
    )
    return asked.stdout.strip() or "unknown"


@asynccontextmanager
async def running(
    product: Checkout, folder: Path, extra: Mapping[str, str] | None = None
) -> AsyncIterator[Stack]:
    """The product, ready, with data of its own in `folder`; stopped at the end.

    `extra`: more of its environment.

    Raises Unusable when it does not start.
    """
    environment = _environment(product, folder) | dict(extra or {})
    log = folder / "run.log"
    with log.open("ab") as stderr:
        process = await asyncio.create_subprocess_exec(
            *(product.linkup, "run", "--json"),
            env=environment,
            cwd=folder,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=stderr,
            preexec_fn=tied(),
        )
    stack = Stack(folder / "data", log, process)
    listening = asyncio.create_task(stack.listen())
    try:
        await _ready(stack, product)
        yield stack
        if status := await stack.stop():
            raise Unusable(f"{product.root} ended with status {status}")
    finally:
        if process.returncode is None:
            process.kill()  # the children die with it
        await process.wait()
        await listening


async def _ready(stack: Stack, product: Checkout) -> None:
    try:
        await stack.ready()
    except (AssertionError, TimeoutError) as fault:
        why = fault or f"not ready in {START_SECONDS * TIMEOUT_FACTOR:g} s"
        said = stack.log.read_text(errors="replace")[-2000:]
        raise Unusable(f"{product.root} does not start: {why}\n{said}".rstrip()) from None


def _environment(product: Checkout, folder: Path) -> dict[str, str]:
    """The same values for every checkout; an older one does not know all of the settings."""
    bare = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(PREFIX) and name not in OURS_ALONE
    }
    asked = subprocess.run(
        [product.linkup, "config", "--json"], cwd=folder, env=bare, capture_output=True, text=True
    )
    if asked.returncode != 0:
        raise Unusable(f"{product.linkup} does not run: {asked.stderr.strip()}")
    known = json.loads(asked.stdout).keys()
    return bare | to_environment({name: v for name, v in SETTINGS.items() if name in known})
