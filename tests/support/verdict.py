"""Owns the end of a run: what every device shows, held against what the log says to its user."""

from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.support.blocks import (
    Blocks,
    blocked_as_asked,
    read_blocks,
    said_while_blocked,
    told_while_blocked,
)
from tests.support.crowd import Crowd
from tests.support.device import POISON, Device
from tests.support.ephemeral import typing_out_of_place
from tests.support.ledger import Ledger
from tests.support.marks import as_the_group, moved
from tests.support.membership import (
    Membership,
    as_asked,
    read_membership,
    sent_by_strangers,
    told_out_of_place,
)
from tests.support.poller import Call, Poller
from tests.support.stores import reading
from tests.support.view import Chat, Shown, shown

Frame = dict[str, Any]
Row = tuple[str, int, str, str, int, str, int | None]
ROWS = (
    "SELECT conversation_id, seq, sender_id, client_id, message_id, content, deleted_at "
    "FROM messages ORDER BY conversation_id, seq"
)


@dataclass
class Truth:
    """The log: all rows, and what each user is shown of it."""

    rows: list[Row]
    chats: dict[str, dict[str, Chat]]  # by user
    unread: dict[str, dict[str, int]]
    membership: Membership
    blocks: Blocks


async def read_truth(path: Path, crowd: Crowd, call: Call) -> Truth:
    with reading(path) as store:
        rows = [row for row in store.execute(ROWS) if row[2] in crowd.users]
        membership = read_membership(store, crowd.users, crowd.ledger)
        blocks = read_blocks(store, crowd.users, crowd.ledger)
    truth = Truth(rows, {}, {}, membership, blocks)
    for user_id in crowd.users:
        truth.chats[user_id], truth.unread[user_id] = await _inbox(user_id, call)
    return truth


async def _inbox(user_id: str, call: Call) -> tuple[dict[str, Chat], dict[str, int]]:
    chats, unread = {}, {}
    status, inbox = await call(user_id, "GET", "/v1/conversations?limit=100", None)
    assert status == 200, inbox
    for one in inbox["conversations"]:
        place = one["conversation_id"]
        flags = {name: one[name] for name in ("archived", "muted", "blocked", "title", "role")}
        chats[place] = chat = Chat(await _history(user_id, place, call), **flags)
        chat.marks[user_id] = (one["delivered_seq"], one["read_seq"])
        if one["peer"] is not None:
            peer_marks = (one["peer_delivered_seq"], one["peer_read_seq"])
            chat.marks[one["peer"]["user_id"]] = peer_marks
        else:
            await _roster(user_id, place, chat, call)
        unread[place] = one["unread_count"]
    return chats, unread


async def _roster(user_id: str, place: str, chat: Chat, call: Call) -> None:
    status, page = await call(user_id, "GET", f"/v1/conversations/{place}/members", None)
    assert status == 200, page
    for one in page["members"]:
        chat.marks[one["user_id"]] = (one["delivered_seq"], one["read_seq"])
    chat.members = frozenset(chat.marks)


async def _history(user_id: str, place: str, call: Call) -> dict[int, Shown]:
    messages: dict[int, Shown] = {}
    before = ""
    while True:
        path = f"/v1/conversations/{place}/messages?limit=100{before}"
        status, page = await call(user_id, "GET", path, None)
        assert status == 200, page
        messages = {row["seq"]: shown(row) for row in page["messages"]} | messages
        if not page["has_more"]:
            return messages
        before = f"&before_id={page['messages'][0]['message_id']}"


def violations(crowd: Crowd, truth: Truth) -> list[str]:
    """Every broken promise, by its number."""
    found = list(crowd.ledger.faults)
    found += [f"C2 {name} never got an answer" for name in crowd.unsent()]
    found += _numbered(truth.rows)
    found += _stored_as_sent(crowd.ledger, truth.rows)
    found += _in_order(crowd, truth)
    found += _as_written(crowd.ledger, truth)
    found += _in_groups(crowd, truth)
    found += blocked_as_asked(truth.blocks, crowd.ledger)
    found += said_while_blocked(truth.rows, crowd.ledger)
    found += told_while_blocked(truth.blocks, crowd.ledger)
    for one in crowd.everyone():
        found += _as_the_log(one, truth, crowd.ledger)
    return found


def _numbered(rows: list[Row]) -> list[str]:
    """I4, C4: 1, 2, 3 … in each conversation."""
    seqs: dict[str, list[int]] = defaultdict(list)
    for row in rows:
        seqs[row[0]].append(row[1])
    return [f"I4 {place}: {found}" for place, found in seqs.items()
            if found != list(range(1, len(found) + 1))]  # fmt: skip


def _stored_as_sent(ledger: Ledger, rows: list[Row]) -> list[str]:
    """I1, I2, I3, C1, C3: each message that was sent and answered is there, once."""
    stored = {(row[2], row[3]): row for row in rows}
    found = ["I3 a client_id is stored twice"] if len(stored) < len(rows) else []
    found += [f"I2 nobody sent {key}" for key in stored.keys() - ledger.sent.keys()]
    for key, sent in ledger.sent.items():
        row = stored.get(key)
        unsure = ledger.in_group(sent) or ledger.may_be_barred(sent)
        late = sent.said > 1 and (unsure or sent.content.startswith(POISON))
        if (row is None) != sent.refused and not late:
            found.append(f"C2 refused for good: {sent.refused}, stored as {row}: {key}")
        places = [(ack["conversation_id"], ack["seq"], ack["message_id"]) for ack in sent.acks]
        if row is not None and any(place != (row[0], row[1], row[4]) for place in places):
            found.append(f"I1 not stored as acknowledged: {key}")
    return found


def _in_groups(crowd: Crowd, truth: Truth) -> list[str]:
    """C9, I9: what was said, done and told in groups, by members and to members."""
    membership = truth.membership
    found = list(membership.faults)
    titles: dict[str, set[str | None]] = defaultdict(set)
    for chats in truth.chats.values():
        for place in chats.keys() & crowd.ledger.groups.keys():
            titles[place].add(chats[place].title)
    found += as_asked(membership, crowd.ledger, titles)
    found += sent_by_strangers(truth.rows, membership, crowd.ledger)
    found += told_out_of_place(crowd.everyone(), membership)
    found += typing_out_of_place(crowd.ledger, membership)
    return found


def _in_order(crowd: Crowd, truth: Truth) -> list[str]:
    """I7, C4: what one device sent to a conversation keeps its order."""
    seq_of = {(row[2], row[3]): row[1] for row in truth.rows if _has_a_place(crowd, truth, row)}
    found = []
    for one in crowd.everyone():
        for client_ids in one.order.values():
            keys = [(one.user_id, client_id) for client_id in client_ids]
            seqs = [seq_of[key] for key in keys if key in seq_of]
            if seqs != sorted(seqs):
                found.append(f"I7 {one.name} sent {client_ids}, stored as {seqs}")
    return found


def _has_a_place(crowd: Crowd, truth: Truth, row: Row) -> bool:
    """Not what may have been refused before: its sender may have joined the group since then, a
    block may have been taken back, or the store may take it now."""
    sent = crowd.ledger.sent.get((row[2], row[3]))
    if sent is not None and sent.content.startswith(POISON):
        return False
    if sent is not None and sent.said > 1 and crowd.ledger.may_be_barred(sent):
        return False
    stay = truth.membership.stay(row[0], row[2], row[4])
    return stay is None or sent is None or stay.began <= sent.since


def _as_written(ledger: Ledger, truth: Truth) -> list[str]:
    """C1 and R1 for what changes a message: no acknowledged change is lost or undone by an older
    one, and nothing changes by itself."""
    found = []
    for _, _, _, client_id, message_id, content, deleted_at in truth.rows:
        erasure = ledger.erasures.get(message_id)
        if (deleted_at is not None) not in (erasure.possible() if erasure else {False}):
            found.append(f"C1 {client_id}: deleted at {deleted_at}")
        register = ledger.texts.get(message_id)
        if deleted_at is None and register and content not in register.possible():
            found.append(f"C1 {client_id} says {content}, not one of {register.possible()}")
    found += _reactions_as_set(ledger, truth)
    for (place, user_id), seq in ledger.reads.items():
        if place in truth.chats[user_id] and truth.chats[user_id][place].marks[user_id][1] < seq:
            found.append(f"C1 {user_id} read {place} up to {seq}")
    return found


def _reactions_as_set(ledger: Ledger, truth: Truth) -> list[str]:
    found = []
    for chats in truth.chats.values():
        for message in [m for chat in chats.values() for m in chat.messages.values()]:
            for (message_id, user_id, emoji), register in ledger.reactions.items():
                is_set = (emoji, user_id) in message.reactions
                same = message_id == message.message_id and message.deleted_at is None
                if same and is_set not in register.possible():
                    found.append(f"C1 {message.client_id}: {emoji} of {user_id} is {is_set}")
    return found


def _as_the_log(one: Device | Poller, truth: Truth, ledger: Ledger) -> list[str]:
    """C5, C6, C7, I11: all of it, as it is now, and nothing else."""
    log = truth.chats[one.user_id]
    found = []
    for place in log.keys() | one.view.chats.keys():
        shows, is_so = one.view.chats.get(place, Chat()), log.get(place, Chat())
        if shows.messages != is_so.messages:
            found.append(f"C5 {one.name} in {place}: {_difference(shows, is_so)}")
        if place in ledger.groups:
            found += as_the_group(one, place, shows, is_so, truth.membership, ledger)
        else:
            found += _as_the_pair(one, place, shows, is_so, ledger)
        found += _own_view(one, place, shows, is_so, truth)
        view = truth.blocks.views.get((place, one.user_id))
        if not shows.blocked == is_so.blocked == bool(view and view.blocked):
            found.append(f"C5 {one.name} in {place}: blocked is {shows.blocked}, not {view}")
    return found


def _as_the_pair(
    one: Device | Poller, place: str, shows: Chat, is_so: Chat, ledger: Ledger
) -> list[str]:
    found = []
    for user_id in is_so.marks:
        marks = [moved(chat, place, user_id, ledger) for chat in (shows, is_so)]
        if marks[0] != marks[1]:
            found.append(f"C5 {one.name} in {place}: {user_id} at {marks[0]}, not {marks[1]}")
    return found


def _own_view(
    one: Device | Poller, place: str, shows: Chat, is_so: Chat, truth: Truth
) -> list[str]:
    found = []
    last = is_so.messages[max(is_so.messages)] if is_so.messages else None
    # An ack may overtake what one's other device did, or come behind it: the next event tells.
    overtaken = last is not None and last.sender_id == one.user_id
    if shows.muted != is_so.muted or (shows.archived != is_so.archived and not overtaken):
        found.append(f"C5 {one.name} in {place}: archived or muted otherwise")
    read = shows.marks.get(one.user_id, (0, 0))[1]
    unread = [m for m in shows.messages.values()
              if m.seq > read and m.sender_id != one.user_id and not m.deleted_at]  # fmt: skip
    count = 0 if shows.blocked else len(unread)
    if count != truth.unread[one.user_id].get(place, 0):
        found.append(f"S65 {one.name} in {place}: {len(unread)} unread")
    return found


def _difference(shows: Chat, is_so: Chat) -> str:
    """The first message that is shown otherwise than it is."""
    for seq in sorted(shows.messages.keys() | is_so.messages.keys()):
        if shows.messages.get(seq) != is_so.messages.get(seq):
            return f"{seq} is shown as {shows.messages.get(seq)}, is {is_so.messages.get(seq)}"
    return ""
