"""Owns the list of all commands to the writer, and the batches that contain them."""

from msgspec import Raw, Struct

from shared.commands.attachment import (
    CommitAttachment,
    CondemnAttachments,
    ForgetAttachments,
    ReserveAttachment,
)
from shared.commands.audit_log import RecordChange
from shared.commands.conversation import (
    AddMembers,
    BeginConversation,
    ClearConversation,
    CreateGroup,
    RemoveMember,
    SetConversation,
    SetRole,
)
from shared.commands.message import (
    AdvanceReceipt,
    DeleteMessage,
    EditMessage,
    React,
    ReadMessages,
    RejectMessage,
    StoreMessage,
)
from shared.commands.people import PutUser, SetBlock, SetContact, TouchUser
from shared.commands.report import FileReport
from shared.commands.standing import Disconnect, RevokeToken, SetBan
from shared.commands.ticket import IssueTicket, TakeTicket
from shared.commands.user_data import EraseTraces, EraseUser, FinishErasure

MAX_BATCH = 256  # commands a lane sends at once
MAX_BATCH_BYTES = 512 * 1024  # well below the bus's max_payload of 1 MiB

Command = (
    StoreMessage
    | RejectMessage
    | EditMessage
    | DeleteMessage
    | React
    | AdvanceReceipt
    | ReadMessages
    | BeginConversation
    | ClearConversation
    | SetConversation
    | CreateGroup
    | AddMembers
    | RemoveMember
    | SetRole
    | SetBlock
    | SetContact
    | FileReport
    | ReserveAttachment
    | CommitAttachment
    | CondemnAttachments
    | ForgetAttachments
    | PutUser
    | RecordChange
    | IssueTicket
    | TakeTicket
    | TouchUser
    | SetBan
    | Disconnect
    | RevokeToken
    | EraseUser
    | EraseTraces
    | FinishErasure
)


class Batch(Struct, frozen=True, kw_only=True):
    """A batch of a lane. Those of a lane are numbered 1, 2, 3 … (R1: a repeat is the same)."""

    lane: str
    number: int
    commands: list[Command]


class EncodedBatch(Struct, frozen=True, kw_only=True):
    """A Batch of commands that are encoded already: its bytes are those of the Batch."""

    lane: str
    number: int
    commands: list[Raw]
