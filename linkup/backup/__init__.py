"""Owns `linkup backup`, which copies the data of all services, as of one moment, into one file.

The database of notify is copied before the store, so it is never ahead of the log. The files are
copied last, so all that the log names are among them.
"""

import os
import sys
import tarfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, BinaryIO

import click
import msgspec
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn

import linkup
from linkup.installation.archive import Manifest, Writer
from linkup.installation.owners import Failed, ended, started
from linkup.options import config_option, data_dir_option, settings_of
from shared.audit import Step
from shared.backup import Copied, is_full, sync
from shared.errors import StartError
from shared.settings import Settings, sqlite_url
from shared.settings.addresses import file_of

STDOUT = "-"


@click.command()
@click.argument("file", type=click.Path(allow_dash=True, dir_okay=False))
@data_dir_option
@config_option
@click.option("--json", "as_json", is_flag=True, help="Print the manifest as JSON.")
def backup(file: str, data_dir: str | None, config: str | None, as_json: bool) -> None:
    """Back up all data into FILE. LinkUp may be running or stopped.

    FILE is a tar archive with a manifest. If FILE is -, the archive is written to stdout. It
    contains all messages that were acknowledged before the backup. If attachments are in an object
    store, it contains only their location.
    """
    os.umask(0o077)  # what is written is its owner's alone
    settings = settings_of(data_dir, config)
    target = None if file == STDOUT else Path(file).absolute()
    if target is not None and target.exists():
        raise StartError(f"{file} is there already: choose another name, or remove it")
    try:
        with _folder(target, settings) as folder:
            manifest = _write(folder, target, settings)
    except Failed as failed:
        sys.exit(failed.status)
    except OSError as error:
        room = "there is no room" if is_full(error) else str(error)
        raise StartError(f"cannot write {file}: {room}; choose another disk") from None
    _conclude(manifest, file, as_json)


@contextmanager
def _folder(target: Path | None, settings: Settings) -> Iterator[Path]:
    """Yield a folder for the copies until they are archived, beside FILE or the store."""
    beside = target.parent if target else Path(file_of(settings.store_url)).parent
    with TemporaryDirectory(prefix=".backup-", dir=beside, ignore_cleanup_errors=True) as folder:
        yield Path(folder)


def _write(folder: Path, target: Path | None, settings: Settings) -> Manifest:
    """Write the archive, which appears under its name only when it is whole and synced."""
    with _progress() as progress:
        notify = _copied("notify", settings, folder / "notify.db", progress)
        log = _copied("persistence", settings, folder / "linkup.db", progress)
        manifest = Manifest(
            version=linkup.__version__,
            made_at=datetime.now(UTC).isoformat(timespec="seconds"),
            schemas={"persistence": log.schema, "notify": notify.schema},
            epoch=log.epoch,
            positions=log.positions,
            files_at="" if _are_ours(settings) else settings.attachment_store_url,
        )
        if target is None:
            return _archive(sys.stdout.buffer, manifest, folder, settings, progress)
        with (folder / "archive").open("wb") as archive:
            manifest = _archive(archive, manifest, folder, settings, progress)
        sync(folder / "archive")
        os.replace(folder / "archive", target)
        sync(target.parent)
        return manifest


def _copied(service: str, settings: Settings, target: Path, progress: Progress) -> Copied:
    bar = progress.add_task(target.name, total=None)
    decoder, copied = msgspec.json.Decoder(Step | Copied), None
    with ended(started(service, settings, "backup", str(target))) as said:
        for told in map(decoder.decode, said):
            match told:
                case Step(rows=rows, of=of):
                    progress.update(bar, completed=rows, total=of)
                case Copied():
                    copied = told
    assert copied is not None
    return copied


def _archive(
    file: BinaryIO, manifest: Manifest, folder: Path, settings: Settings, progress: Progress
) -> Manifest:
    with Writer(file) as archive:
        for name in ("linkup.db", "notify.db"):
            archive.add_file(name, folder / name)
        if not manifest.files_at:
            _add_files(archive, folder / "linkup.db", settings, progress)
        manifest = msgspec.structs.replace(manifest, parts=archive.parts)
        archive.finish(manifest)
    return manifest


def _add_files(archive: Writer, store: Path, settings: Settings, progress: Progress) -> None:
    """Add the files that the copy of the store names."""
    bar = progress.add_task("attachments", total=None)
    copy = msgspec.structs.replace(settings, database_url=sqlite_url(store))
    named = started("persistence", copy, "files", "--unsent")
    content = started("gateway", settings, "backup", stdin=named.stdout)
    assert named.stdout is not None
    named.stdout.close()  # the gateway has it
    with ended(named, content) as said:
        for member, found in _members(said):
            archive.add(f"attachments/{member.name}", member.size, found)
            progress.advance(bar)


def _members(said: IO[bytes]) -> Iterator[tuple[tarfile.TarInfo, IO[bytes]]]:
    """Yield the files of the stream. Raises StartError if it ends too early; the process that wrote
    it has printed the reason."""
    try:
        with tarfile.open(fileobj=said, mode="r|") as files:
            for member in files:
                found = files.extractfile(member)
                assert found is not None
                yield member, found
    except tarfile.TarError as error:
        raise StartError(f"the attached files cannot be read to their end: {error}") from None


def _are_ours(settings: Settings) -> bool:
    return settings.attachment_store_url.startswith("file:")


def _progress() -> Progress:
    console = Console(stderr=True)
    columns = (TextColumn("{task.description:<14}"), BarColumn(), TaskProgressColumn())
    return Progress(*columns, console=console, transient=True, disable=not console.is_terminal)


def _conclude(manifest: Manifest, file: str, as_json: bool) -> None:
    told = file == STDOUT  # the archive has stdout
    if as_json:
        click.echo(msgspec.json.encode(manifest), err=told)
        return
    files = len(manifest.parts) - 2
    size = sum(part.size for part in manifest.parts.values())
    click.echo(
        f"Backed up {size} bytes, of them {files} files, as of {manifest.made_at}.", err=told
    )
    if manifest.files_at:
        click.echo(f"Not in it: the files in {manifest.files_at}; back them up there.", err=told)
