"""Owns the reports of users to the operator: a part of `decide`, pure.

A report refers to a message and keeps nothing of what it says: erasing it erases it everywhere.
"""

import hashlib

from services.persistence.decide.absent import NO_MESSAGE, NO_USER
from services.persistence.decide.state import Report
from services.persistence.decide.transaction import Transaction
from shared.commands import Filed, FileReport, Refused, Result
from shared.errors import ClientIdConflict, InvalidRequest

HASH_BYTES = 16

ONESELF = Refused.of(InvalidRequest("You cannot report yourself"))
CONFLICT = Refused.of(ClientIdConflict("This `client_id` was used for another report"))


def file(tx: Transaction, command: FileReport) -> Result:
    hashed = _hash(tx.state.hash_key, command)
    known = tx.state.reports.get(command.report_id)
    if known is not None:
        same = known.request_hash == hashed
        return Filed(known.created_at, True) if same else CONFLICT
    report = _report(tx, command, hashed)
    if isinstance(report, Refused):
        return report
    too_many = tx.charge(command.user_id)
    if too_many:
        return too_many
    tx.state.reports[command.report_id] = report
    tx.changes.reports.append(report)
    return Filed(report.created_at, False)


def _report(tx: Transaction, command: FileReport, hashed: bytes) -> Report | Refused:
    """Return a report of a message that the user may see, or of a user who exists."""
    user_id, version = command.other_id, None
    if command.message_id is not None:
        message = tx.visible(command.user_id, command.message_id)
        if message is None:
            return NO_MESSAGE
        user_id, version = message.sender_id, message.version
    if user_id == command.user_id:
        return ONESELF
    if user_id is None or not tx.is_there(command.user_id, user_id):
        return NO_USER
    who, about = (command.report_id, command.user_id, user_id), (command.message_id, version)
    return Report(*who, *about, command.reason, command.comment, hashed, tx.state.now)


def _hash(key: bytes, command: FileReport) -> bytes:
    """Return the hash that a repeat with the same `client_id` must match. No part holds a NUL."""
    about = command.other_id if command.message_id is None else f"\x01{command.message_id}"
    said = "\x00".join((about or "", command.reason, command.comment))
    return hashlib.blake2b(
        said.encode(), key=key, digest_size=HASH_BYTES, person=b"linkup.report"
    ).digest()
