"""Owns the command `python -m services.persistence audit`. It only reads, works beside a running
product, and prints JSON lines.
"""

import argparse
import sqlite3
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec
from msgspec import Struct

from services.persistence.queries.attachment import ATTACHED, MAX_FILES, attached_file
from services.persistence.store.schema import REVISION
from services.persistence.upkeep.audit import Pass
from services.persistence.upkeep.violations import Violation
from shared.audit import Found, Step, tell
from shared.commands import AttachedFile
from shared.errors import StartError
from shared.settings import Settings
from shared.settings.addresses import path_of
from shared.sqlite import copies

ROWS = 8192  # of a page
STILL_ATTACHED = """
SELECT 1 FROM attachments WHERE attachment_id = ?1 AND state = 'attached' AND message_id = ?2
"""

UNSENT = "SELECT attachment_id, thumbnail FROM attachments WHERE state = 'uploaded'"


class Schema(Struct, frozen=True):
    revision: str


class Absent(AttachedFile, frozen=True, kw_only=True):
    """A file of which the gateway says that `file` is not there."""

    file: str


def audit(settings: Settings, arguments: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(prog="python -m services.persistence audit")
    parser.add_argument("--all", action="store_true", help="Also what takes long.")
    asked = parser.parse_args(arguments)
    with reading(settings) as connection:
        current = Pass(asked.all)
        of = current.size(connection)
        while current.walk is not None:
            tell(Step(walk=current.walk, rows=min(current.rows, of), of=of))
            for found in current.step(connection, ROWS):
                tell(_told(found))
    return 0


def files(settings: Settings, arguments: Sequence[str]) -> int:
    """List the files that messages have; with --absent, judge those on stdin, which the gateway
    did not find: a file that no message has any more may be gone."""
    parser = argparse.ArgumentParser(prog="python -m services.persistence files")
    parser.add_argument("--unsent", action="store_true", help="Also uploads that wait to be sent.")
    parser.add_argument("--absent", action="store_true", help="Judge what is on stdin.")
    asked = parser.parse_args(arguments)
    with reading(settings) as connection:
        for one in _absent(connection) if asked.absent else _attached(connection):
            tell(one)
        for one in _unsent(connection) if asked.unsent else ():
            tell(one)
    return 0


def schema(settings: Settings, arguments: Sequence[str]) -> int:
    """Tell the schema of the store, which has to be this release's."""
    argparse.ArgumentParser(prog="python -m services.persistence schema").parse_args(arguments)
    with reading(settings):
        tell(Schema(revision=REVISION))
    return 0


@contextmanager
def reading(settings: Settings) -> Iterator[sqlite3.Connection]:
    """Open the store, read-only. Raises StartError."""
    path = Path(path_of(settings.store_url))
    try:
        with copies.reading(path) as connection:
            _check_schema(connection)
            yield connection
    except sqlite3.Error as error:
        raise StartError(
            f"cannot read the store {path}: {error}; see that LINKUP_DATA_DIR names the "
            "data directory, and run this as the user that LinkUp runs as"
        ) from None


def _check_schema(connection: sqlite3.Connection) -> None:
    [(found,)] = connection.execute("SELECT version_num FROM alembic_version").fetchall()
    if found != REVISION:
        raise StartError(
            f"the store has schema {found}, this release {REVISION}: use the release that runs it, "
            "or start this one once"
        )


def _attached(connection: sqlite3.Connection) -> Iterator[AttachedFile]:
    after = ""
    while rows := connection.execute(ATTACHED, (after, MAX_FILES)).fetchall():
        yield from map(attached_file, rows)
        after = rows[-1][0]


def _unsent(connection: sqlite3.Connection) -> Iterator[AttachedFile]:
    for attachment_id, thumbnail in connection.execute(UNSENT).fetchall():
        yield attached_file((attachment_id, 0, "", thumbnail))


def _absent(connection: sqlite3.Connection) -> Iterator[Struct]:
    for line in sys.stdin.buffer:
        one = msgspec.json.decode(line, type=Absent)
        if connection.execute(STILL_ATTACHED, (one.attachment_id, one.message_id)).fetchone():
            yield _told(
                Violation(
                    kind="file_absent",
                    conversation_id=one.conversation_id,
                    message_id=one.message_id,
                    file=one.file,
                )
            )


def _told(found: Violation) -> Found:
    return Found(
        kind=found.kind,
        text=found.text,
        remedy=found.remedy,
        conversation_id=found.conversation_id,
        user_id=found.user_id,
        message_id=found.message_id,
    )
