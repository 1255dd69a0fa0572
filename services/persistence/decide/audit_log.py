"""Owns the entries of the audit log: a part of `decide`, pure."""

from services.persistence.decide.transaction import Transaction
from shared.commands import Done, RecordChange


def record(tx: Transaction, command: RecordChange) -> Done:
    tx.changes.audited.append(command)
    return Done()
