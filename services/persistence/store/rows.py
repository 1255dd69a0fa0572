"""Owns the parameters of the statements that store a decision."""

from collections.abc import Iterable
from typing import assert_never

import msgspec
from msgspec.structs import astuple

from services.persistence.decide.changes import (
    Changed,
    Changes,
    Edited,
    Erased,
    Fact,
    FeedRow,
    Hidden,
    Marked,
    Reacted,
    Revised,
    Said,
    Seen,
    Vanished,
)
from services.persistence.decide.standings import good_at
from services.persistence.decide.state import State
from services.persistence.store import statements
from services.persistence.store.connections import Row
from shared.clock import SECOND

MOST_AUDITED = 1_000_000  # entries of the audit log


def conversation_rows(state: State, changes: Changes) -> Iterable[Row]:
    for conversation_id in changes.conversations:
        c = state.conversations[conversation_id]
        place = (c.last_seq, c.last_message_id, c.created_at, state.now)
        yield conversation_id, c.kind, *place, c.title, c.version, c.created_hash


def member_rows(state: State, changes: Changes) -> Iterable[Row]:
    for conversation_id, user_id in changes.members:
        m = state.conversations[conversation_id].members.get(user_id)
        if m is not None:
            marks = (m.delivered_seq, m.read_seq, state.now)
            view = (m.cleared_seq, m.archived, m.muted, m.version)
            more = (m.role, m.joined_at, m.sent_seq, m.blocked, m.recency)
            yield conversation_id, user_id, *marks, *view, *more


def brought_up_rows(state: State, changes: Changes) -> Iterable[Row]:
    for conversation_id, user_id in changes.brought_up:
        member = state.conversations[conversation_id].members.get(user_id)
        if member is not None:
            yield conversation_id, user_id, member.recency


def parted_rows(state: State, changes: Changes) -> Iterable[Row]:
    """Return the users who are no longer members."""
    for conversation_id, user_id in changes.members:
        if user_id not in state.conversations[conversation_id].members:
            yield conversation_id, user_id


def group_change_rows(state: State, changes: Changes) -> Iterable[Row]:
    for c in changes.group_changes:
        users = msgspec.json.encode(c.user_ids).decode()
        yield c.change_id, c.conversation_id, c.version, c.kind, c.actor_id, users, state.now


def message_rows(changes: Changes) -> Iterable[Row]:
    for new in changes.messages:
        m = new.message
        yield (
            m.message_id,
            m.conversation_id,
            m.seq,
            m.sender_id,
            m.client_id,
            new.content,
            m.content_hash,
            m.created_at,
            m.reply_to,
            new.accepted_at,
            new.others_seq,
        )


def revision_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    """Return statements with their rows, in the order decided: a later one may undo an earlier
    one."""
    for revision in changes.revisions:
        yield from _revision_rows(revision, state.now)


def _revision_rows(revision: Revised, now: int) -> Iterable[tuple[str, Row]]:
    message_id, version = revision.message.message_id, revision.message.version
    match revision:
        case Edited(content=content):
            yield statements.KEEP_VERSION, (message_id, now)
            yield statements.EDIT_MESSAGE, (message_id, now, content, version)
        case Erased():
            yield statements.ERASE_MESSAGE, (message_id, now, version)
            yield statements.ERASE_VERSIONS, (message_id,)
            yield statements.ERASE_REACTIONS, (message_id,)
            yield statements.CONDEMN_ATTACHMENTS, (message_id,)
        case Hidden(user_id=user_id):
            yield statements.HIDE_MESSAGE, (message_id, user_id, now)
        case Reacted(user_id=user_id, emoji=emoji, reaction=reaction):
            yield statements.TOUCH_MESSAGE, (message_id, now, version)
            row = (message_id, reaction.number, user_id, emoji, reaction.removed, now)
            yield statements.PUT_REACTION, row


def attachment_rows(state: State, changes: Changes) -> Iterable[Row]:
    for attachment_id in changes.attachments & state.attachments.keys():
        yield astuple(state.attachments[attachment_id])


def forgotten_rows(state: State, changes: Changes) -> Iterable[Row]:
    for attachment_id in changes.attachments - state.attachments.keys():
        yield (attachment_id,)


def said_rows(state: State, changes: Changes) -> Iterable[Row]:
    for row in changes.feed:
        if isinstance(row.fact, Said):
            yield row.n, row.user_id, row.cursor, row.fact.message.message_id, state.now


def feed_rows(state: State, changes: Changes) -> Iterable[Row]:
    told: Fact | None = None
    about: Row = ()
    for row in changes.feed:  # the rows of a fact stand together
        if isinstance(row.fact, Said) or _is_own_receipt(row):
            continue
        if row.fact is not told:
            told, about = row.fact, _about(row.fact, state.now)
        yield row.n, row.user_id, row.cursor, *about


def _about(fact: Fact, now: int) -> Row:
    """Return kind, message, conversation, actor, time, reaction and group change: a row has no
    content."""
    match fact:
        case Said() | Edited() | Erased() | Hidden():
            return fact.kind, fact.message.message_id, None, None, now, None, None
        case Reacted():
            return fact.kind, fact.message.message_id, None, None, now, fact.reaction.number, None
        case Marked() | Seen():
            return fact.kind, None, fact.conversation_id, fact.user_id, now, None, None
        case Changed():
            place = (fact.conversation_id, fact.actor_id)
            return fact.kind, None, *place, now, None, fact.change_id
        case Vanished():
            return fact.kind, None, None, fact.user_id, now, None, None
        case _:
            assert_never(fact)


def own_receipt_rows(state: State, changes: Changes) -> Iterable[Row]:
    """The reader's own receipts also keep which marks moved, and so when."""
    for row in changes.feed:
        fact = row.fact
        if isinstance(fact, Marked) and fact.user_id == row.user_id:
            place = (row.n, row.user_id, row.cursor, fact.kind)
            about = (fact.conversation_id, fact.user_id, state.now)
            yield *place, *about, fact.delivered_seq, fact.read_seq


def _is_own_receipt(row: FeedRow) -> bool:
    return isinstance(row.fact, Marked) and row.fact.user_id == row.user_id


def fence_rows(state: State, changes: Changes) -> Iterable[Row]:
    for lane, fence in changes.fences.items():
        yield lane, fence.number, fence.results, state.last_n


def ticket_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    for ticket_hash, ticket in changes.tickets.items():
        yield statements.TAKE_TICKET, (ticket_hash,)
        if ticket is not None:
            yield statements.FORGET_TICKETS, (state.now,)
            yield statements.PUT_TICKET, (ticket_hash, *astuple(ticket))


def standing_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    for user_id in changes.standings:
        standing = state.standings[user_id]
        revoked = msgspec.json.encode(standing.revoked).decode()
        stands = (standing.banned, standing.valid_after, revoked, good_at(standing))
        yield statements.PUT_STANDING, (user_id, *stands)
        yield statements.FORGET_STANDINGS, (state.now,)


def block_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    for pair in changes.blocks:
        yield (
            statements.DELETE_BLOCK,
            pair,
        )  # it may have been taken back and set again in this transaction
        if pair in state.blocks:
            yield statements.PUT_BLOCK, (*pair, state.now)


def contact_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    for pair, allowed in changes.contacts.items():
        if allowed:
            yield statements.PUT_CONTACT, (*pair, state.now)
        else:
            yield statements.DELETE_CONTACT, pair


def report_rows(changes: Changes) -> Iterable[Row]:
    return map(astuple, changes.reports)


def audited_rows(state: State, changes: Changes) -> Iterable[Row]:
    return [(state.now, one.key, one.route, one.target, one.status) for one in changes.audited]


def outdated_rows(state: State, changes: Changes) -> Iterable[Row]:
    """Return the parameters of one deletion in the audit log, if anything is added to it."""
    keep = int(state.limits.audit_log_keep * SECOND)
    return [(state.now - keep if keep else 0, MOST_AUDITED)] if changes.audited else []


def report_number_rows(changes: Changes) -> Iterable[Row]:
    return ((report.report_id,) for report in changes.reports)


def head_rows(state: State, changes: Changes) -> Iterable[Row]:
    for user_id in changes.heads:
        head = state.heads[user_id]
        yield user_id, head.head, head.rate_at


def seen_rows(changes: Changes) -> Iterable[Row]:
    for user_id, at in changes.seen.items():
        yield at, user_id


def user_rows(state: State, changes: Changes) -> Iterable[Row]:
    for user in changes.profiles:
        yield (
            user.user_id,
            user.name,
            user.email,
            user.time_zone,
            user.locale,
            user.avatar,
            state.now,
        )


def erasure_rows(state: State, changes: Changes) -> Iterable[tuple[str, Row]]:
    for user_id in changes.erased:
        yield statements.ADD_ERASURE, (user_id, state.now)
        yield statements.ERASE_HEAD, (user_id,)
        yield statements.ERASE_PROFILE, (user_id, state.now)
        yield statements.ERASE_NAMES, (user_id,)
    for message_id in changes.disowned:
        yield statements.DISOWN_MESSAGE, (message_id,)
    for user_id in changes.finished:
        yield statements.FINISH_ERASURE, (user_id, state.now)
