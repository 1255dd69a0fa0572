"""Owns every read of the log, one module for each kind. Reading changes nothing.

A question costs one trip to the reader's thread, which answers it from one snapshot and encodes
the answer: what an answer says and the cursor it carries belong together.
"""

import sqlite3
from typing import assert_never

from msgspec import Struct
from msgspec.structs import replace

from services.persistence.queries.attachment import attached_files, attachment, attachments
from services.persistence.queries.audit_log import audit_log
from services.persistence.queries.blocks import blocks
from services.persistence.queries.contacts import contacts
from services.persistence.queries.details import details
from services.persistence.queries.erasure import erasure
from services.persistence.queries.errors import errors
from services.persistence.queries.export import export
from services.persistence.queries.facts import facts
from services.persistence.queries.feed import feeds, heads, joins
from services.persistence.queries.followers import Followers
from services.persistence.queries.glimpses import glimpses
from services.persistence.queries.history import history
from services.persistence.queries.inbox import conversation, inbox, unread
from services.persistence.queries.links import link_key
from services.persistence.queries.log import log, marks
from services.persistence.queries.membership import acquaintances, members
from services.persistence.queries.receipts import receipts
from services.persistence.queries.recent import Recent
from services.persistence.queries.reports import report, reports
from services.persistence.queries.roster import roster
from services.persistence.queries.search import search
from services.persistence.queries.source import Source
from services.persistence.queries.timeline import timeline
from services.persistence.queries.trace import trace
from services.persistence.queries.users import found_users, listed_users, read_user
from shared import commands
from shared.commands import (
    Acquaintances,
    AttachedFiles,
    Attachment,
    Attachments,
    AuditLogPage,
    Blocks,
    Contacts,
    Conversation,
    Details,
    Erasure,
    ErrorPage,
    Export,
    FactPage,
    FeedPages,
    FindUsers,
    Glimpses,
    Heads,
    History,
    Inbox,
    Joins,
    LeaveLog,
    LeftLog,
    LinkKey,
    ListUsers,
    LogPage,
    Marks,
    Members,
    OneReport,
    Question,
    ReadUser,
    Receipts,
    ReportPage,
    Roster,
    Search,
    Timeline,
    Totals,
    Trace,
)
from shared.sqlite.held import Held


class Queries:
    """The log through one reader's connection. `epoch` names the store."""

    def __init__(
        self,
        held: Held,
        epoch: str,
        followers: Followers | None = None,
        recent: Recent | None = None,
        contacts_only: bool = False,
    ) -> None:
        self._held = held
        self._epoch = epoch
        self._followers = followers or Followers()
        self._recent = recent or Recent()
        self._contacts_only = contacts_only

    async def answer(self, asked: Question) -> bytes:
        """Return the encoded answer. Raises LinkupError."""
        if isinstance(asked, LogPage):
            stood = self._followers.stood(asked, self._epoch)
            positions = dict(self._followers.heard(asked, self._epoch))
            asked = replace(asked, positions=positions, stood=stood)
        if isinstance(asked, FactPage) and not asked.at_end:
            asked = replace(asked, positions=dict(self._followers.heard(asked, self._epoch)))
        if isinstance(asked, LeaveLog):
            self._followers.leave(asked.follower)

        def answered(connection: sqlite3.Connection) -> bytes:
            source = Source(connection, self._epoch, self._contacts_only)
            return _snapshot(source, asked, self._recent)

        return await self._held.run(answered)


def _snapshot(source: Source, asked: Question, recent: Recent) -> bytes:
    source.connection.execute("BEGIN")
    try:
        return commands.encode(_read(source, asked, recent))
    finally:
        source.connection.execute("ROLLBACK")


def _read(source: Source, asked: Question, recent: Recent) -> Struct:  # noqa: C901 - a case each
    match asked:
        case Joins():
            return joins(source, asked)
        case Heads():
            return heads(source, asked)
        case FeedPages():
            return feeds(source, asked)
        case Inbox():
            return inbox(source, asked)
        case Conversation():
            return conversation(source, asked)
        case Totals():
            return unread(source, asked)
        case History():
            return history(source, asked)
        case Roster():
            return roster(source, asked)
        case Blocks():
            return blocks(source, asked)
        case Contacts():
            return contacts(source, asked)
        case Receipts():
            return receipts(source, asked)
        case Timeline():
            return timeline(source, asked)
        case Trace():
            return trace(source, asked, recent)
        case Search():
            return search(source, asked)
        case ReadUser():
            return read_user(source, asked)
        case FindUsers():
            return found_users(source, asked)
        case ListUsers():
            return listed_users(source, asked)
        case Attachment():
            return attachment(source, asked)
        case Attachments():
            return attachments(source, asked)
        case AttachedFiles():
            return attached_files(source, asked)
        case LinkKey():
            return link_key(source)
        case LogPage():
            return log(source, asked)
        case Marks():
            return marks(source, asked)
        case Glimpses():
            return glimpses(source, asked)
        case Acquaintances():
            return acquaintances(source, asked)
        case Members():
            return members(source, asked)
        case ReportPage():
            return reports(source, asked)
        case OneReport():
            return report(source, asked)
        case AuditLogPage():
            return audit_log(source, asked)
        case ErrorPage():
            return errors(source, asked)
        case FactPage():
            return facts(source, asked)
        case Details():
            return details(source, asked)
        case LeaveLog():
            return LeftLog()
        case Erasure():
            return erasure(source, asked)
        case Export():
            return export(source, asked)
        case _:
            assert_never(asked)
