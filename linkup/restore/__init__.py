"""Owns `linkup restore`, which replaces the data of each service by those of a backup.

Everything is unpacked and checked before anything is replaced. The files are replaced first, since
they do no harm if no message names them, then the log, then the database of notify, which follows
the log from its end. If this stops between two of them, nobody is notified twice.
"""

import contextlib
import fcntl
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import click
import msgspec

from linkup.installation.archive import Manifest, unpack
from linkup.installation.owners import Failed, ended, started
from linkup.options import config_option, data_dir_option, settings_of
from shared.backup import Restored, is_full
from shared.errors import StartError
from shared.settings import Settings
from shared.settings.addresses import file_of

STDIN = "-"


@click.command()
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False))
@data_dir_option
@click.option("--force", is_flag=True, help="Replace existing data.")
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def restore(
    file: str, data_dir: str | None, force: bool, config: str | None, as_json: bool
) -> None:
    """Restore a backup from FILE, or from stdin if FILE is -.

    Stop LinkUp first. The store gets a new epoch, so all clients reload. Messages that were
    acknowledged after the backup are lost. E-mails and pushes that were due before the restore are
    not sent; their messages are in the inbox.
    """
    os.umask(0o077)  # what is written is its owner's alone
    settings = settings_of(data_dir, config)
    try:
        with _stopped(settings), _folder(settings) as folder, _opened(file) as archive:
            manifest = unpack(archive, folder)
            _check(settings, folder, force)
            _put_in_place(settings, folder)
    except Failed as failed:
        sys.exit(failed.status)
    except OSError as error:
        room = "there is no room for it" if is_full(error) else str(error)
        raise StartError(f"{file} is not restored: {room}; nothing was replaced") from None
    _conclude(manifest, as_json)


@contextmanager
def _stopped(settings: Settings) -> Iterator[None]:
    """Keep `linkup run` from starting on these data. Raises StartError."""
    settings.data.mkdir(mode=0o700, parents=True, exist_ok=True)
    with open(settings.data / "run.lock", "a", encoding="ascii") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise StartError(f"`linkup run` uses {settings.data}: stop it first") from None
        yield


@contextmanager
def _folder(settings: Settings) -> Iterator[Path]:
    """Yield a folder beside the store, so that the copy is moved and not written once more."""
    store = Path(file_of(settings.store_url))
    store.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    with TemporaryDirectory(prefix=".restore-", dir=store.parent, ignore_cleanup_errors=True) as it:
        yield Path(it)


@contextmanager
def _opened(file: str) -> Iterator[BinaryIO]:
    if file == STDIN:
        yield sys.stdin.buffer
        return
    with contextlib.ExitStack() as stack:
        try:
            archive = stack.enter_context(open(file, "rb"))
        except OSError as error:
            raise StartError(f"cannot read {file}: {error.strerror}") from None
        yield archive


def _check(settings: Settings, folder: Path, force: bool) -> None:
    """Let each owner check its copy, and that nobody uses the data to be replaced."""
    chosen = ("--force",) if force else ()
    log, notify = str(folder / "linkup.db"), str(folder / "notify.db")
    _say("persistence", settings, "restore", log, "--check", *chosen)
    _say("notify", settings, "restore", notify, *chosen)


def _put_in_place(settings: Settings, folder: Path) -> None:
    if (folder / "attachments").exists():
        _say("gateway", settings, "restore", str(folder / "attachments"))
    said = _say("persistence", settings, "restore", str(folder / "linkup.db"), "--force")
    log = msgspec.json.encode(msgspec.json.decode(said, type=Restored)).decode()
    _say("notify", settings, "restore", str(folder / "notify.db"), "--force", "--log", log)


def _say(service: str, settings: Settings, *arguments: str) -> bytes:
    """Return the answer of the service's command. Raises Failed."""
    with ended(started(service, settings, *arguments)) as said:
        return said.read()


def _conclude(manifest: Manifest, as_json: bool) -> None:
    if as_json:
        click.echo(msgspec.json.encode(manifest))
        return
    click.echo(
        f"Restored as of {manifest.made_at}. What was acknowledged later is not there; "
        "all clients reload when LinkUp starts."
    )
    if manifest.files_at:
        click.echo(f"Not restored: the files, which the backup left in {manifest.files_at}.")
