"""Owns storing messages: once (C3), in order (C4), and only if the sender may. Pure."""

import hashlib

from services.persistence.decide import attachments, blocks, conversations
from services.persistence.decide.changes import Said
from services.persistence.decide.state import Attachment, Conversation, Message
from services.persistence.decide.transaction import Transaction
from shared.commands import Command, Refused, RejectMessage, Result, Stored, StoreMessage
from shared.errors import ClientIdConflict, NotFound, OutOfOrder, Rejected

HASH_BYTES = 16

WAITS = Refused.of(OutOfOrder("An earlier message must be resent first"))
AFTER_WHAT = Refused.of(OutOfOrder("The message named by `after` is not stored yet"))
CONFLICT = Refused.of(ClientIdConflict("This `client_id` was used for another message"))
NO_MESSAGE = Refused.of(NotFound("There is no such message to reply to"))
NO_UPLOAD = Refused.of(NotFound("You have no unsent file with this id"))


def store(tx: Transaction, command: StoreMessage) -> Result:
    """Store a message. C4: after a temporary failure, the next messages of the same connection wait
    as well."""
    sequence = sequence_of(command)
    if sequence in tx.waiting:
        return WAITS
    result = _store(tx, command)
    if sequence is not None and isinstance(result, Refused) and result.error().temporary:
        tx.waiting.add(sequence)
    return result


def reject(tx: Transaction, command: RejectMessage) -> Result:
    """Refuse a message that the host app rejects, unless it is stored already (C3). It uses up the
    rate of its sender like any other."""
    message = command.message
    known = tx.state.messages.get((message.user_id, message.client_id))
    if known is not None:
        return _again(known, content_hash(tx.state.hash_key, message))
    return tx.charge(message.user_id) or Refused.of(Rejected(command.words))


def sequence_of(command: Command) -> tuple[str, str] | None:
    """Return the sequence in which a message keeps its order: its connection and its
    conversation."""
    if isinstance(command, StoreMessage) and command.connection_id:
        return command.connection_id, command.conversation_id
    return None


def content_hash(key: bytes, command: StoreMessage) -> bytes:
    """Return the hash that a repeat must match. Keyed, so that it does not betray an erased
    text."""
    said = f"{command.conversation_id}\x00{command.content}"  # neither holds a NUL
    if command.reply_to is not None:
        said += f"\x00{command.reply_to}"
    if command.attachments:  # no number begins like that; without any the hash is what it was
        said += f"\x00@{','.join(command.attachments)}"
    return hashlib.blake2b(said.encode(), key=key, digest_size=HASH_BYTES).digest()


def _store(tx: Transaction, command: StoreMessage) -> Result:
    hashed = content_hash(tx.state.hash_key, command)
    known = tx.state.messages.get((command.user_id, command.client_id))
    if known is not None:
        return _again(known, hashed)
    conversation = conversations.addressed(tx, command)
    if conversation is None:
        return conversations.NOBODY
    refused = _may_not(tx, command, conversation)
    if refused is not None:
        return refused
    uploads = attachments.wanted(tx, command)
    if uploads is None:
        return NO_UPLOAD
    return tx.charge(command.user_id) or _append(tx, command, conversation, hashed, uploads)


def _again(known: Message, hashed: bytes) -> Result:
    if known.content_hash != hashed:
        return CONFLICT
    return Stored(known.message_id, known.conversation_id, known.seq, known.created_at, True, 0)


def _may_not(tx: Transaction, command: StoreMessage, conversation: Conversation) -> Refused | None:
    """Return the refusal if this message may not be stored there now."""
    refused = blocks.barred(tx, conversation, command.user_id, conversations.NOBODY)
    if refused is not None:
        return refused
    if command.reply_to is not None and not _may_quote(tx, command, command.reply_to):
        return NO_MESSAGE
    if command.after and (command.user_id, command.after) not in tx.state.messages:
        return AFTER_WHAT
    return None


def _may_quote(tx: Transaction, command: StoreMessage, message_id: int) -> bool:
    message = tx.visible(command.user_id, message_id)
    return message is not None and message.conversation_id == command.conversation_id


def _append(
    tx: Transaction,
    command: StoreMessage,
    conversation: Conversation,
    hashed: bytes,
    uploads: list[Attachment],
) -> Stored:
    message = _next(tx, command, conversation, hashed)
    _count(conversation, message)
    attached = attachments.attach(tx, uploads, message.message_id) if uploads else ()
    accepted_at = min(command.accepted_at or tx.state.now, tx.state.now)
    said = Said(message, command.content, attached, accepted_at, conversation.others_seq)
    tx.changes.messages.append(said)
    tx.changes.conversations.add(command.conversation_id)
    _read_own(tx, command, conversation, message.seq)
    _tell(tx, command, conversation, said)
    cursor = tx.head(command.user_id).head
    return Stored(
        message.message_id, message.conversation_id, message.seq, tx.state.now, False, cursor
    )


def _next(
    tx: Transaction, command: StoreMessage, conversation: Conversation, hashed: bytes
) -> Message:
    """Return the message with the next numbers; later commands of this transaction find it."""
    state = tx.state
    if command.conversation_id not in state.conversations:
        conversations.begin(tx, command.conversation_id, conversation)
    state.last_message_id += 1
    place = (state.last_message_id, command.conversation_id, conversation.last_seq + 1)
    key = (command.user_id, command.client_id)
    message = Message(*place, *key, hashed, state.now, reply_to=command.reply_to)
    state.messages[key] = message
    state.messages_by_id[message.message_id] = message
    return message


def _count(conversation: Conversation, message: Message) -> None:
    """Make it the last message of the conversation."""
    if conversation.last_sender != message.sender_id:
        conversation.last_sender = message.sender_id
        conversation.others_seq = conversation.last_seq
    conversation.last_seq, conversation.last_message_id = message.seq, message.message_id


def _read_own(tx: Transaction, command: StoreMessage, conversation: Conversation, seq: int) -> None:
    """Mark the new message as read by a sender who had read everything."""
    member = conversation.members[command.user_id]
    if conversation.kind == "group":
        member.sent_seq = seq
        tx.changes.members.add((command.conversation_id, command.user_id))
    if member.read_seq == seq - 1:
        member.read_seq = member.delivered_seq = seq
        tx.changes.members.add((command.conversation_id, command.user_id))


def _tell(tx: Transaction, command: StoreMessage, conversation: Conversation, said: Said) -> None:
    conversations.bring_back(tx, command.conversation_id)
    for user_id in conversation.members:
        mine = user_id == command.user_id
        tx.tell(user_id, said, command.connection_id if mine else "")
    tx.bring_up(command.conversation_id)
