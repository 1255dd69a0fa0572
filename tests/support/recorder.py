"""Owns an audit log that is a list, for a gateway without a store."""

from shared.commands import RecordChange


class Recorder(list[RecordChange]):
    async def __call__(self, change: RecordChange) -> None:
        self.append(change)
