"""Owns the list of all queries to the log, and the answer that is ready for HTTP.

A question's tag is its type on the wire, and the end of the subject that it is asked on.
"""

from msgspec import Struct

from shared.commands.attachment import AttachedFiles, Attachment, Attachments, LinkKey
from shared.commands.audit_log import AuditLogPage
from shared.commands.conversation import (
    Conversation,
    History,
    Inbox,
    Members,
    Roster,
    Search,
    Totals,
)
from shared.commands.errors import ErrorPage
from shared.commands.feed import FeedPages, Heads, Joins
from shared.commands.hook import Details, FactPage, LeaveLog
from shared.commands.log import LogPage
from shared.commands.people import Acquaintances, Blocks, Contacts, FindUsers, ListUsers, ReadUser
from shared.commands.progress import Receipts, Timeline, Trace
from shared.commands.report import OneReport, ReportPage
from shared.commands.unread import Glimpses, Marks
from shared.commands.user_data import Erasure, Export


class Snapshot(Struct, frozen=True, kw_only=True):
    """An answer ready for HTTP: JSON, with the epoch and cursor of its own transaction."""

    body: bytes


Question = (
    Joins
    | Heads
    | FeedPages
    | Inbox
    | Conversation
    | Totals
    | History
    | Roster
    | Blocks
    | Contacts
    | Receipts
    | Timeline
    | Trace
    | Search
    | ReadUser
    | FindUsers
    | ListUsers
    | Attachment
    | Attachments
    | AttachedFiles
    | LinkKey
    | LogPage
    | Marks
    | Glimpses
    | Acquaintances
    | Members
    | ErrorPage
    | AuditLogPage
    | FactPage
    | Details
    | LeaveLog
    | ReportPage
    | OneReport
    | Erasure
    | Export
)
