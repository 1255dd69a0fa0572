"""Fills a store with conversations, in the words of a test."""

from services.persistence.store.store import Store
from shared.commands import AdvanceReceipt, Batch, Command, PutUser, Result, Results, StoreMessage
from shared.subjects import direct_conversation_id


class Log:
    """Every call is one transaction."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self._number = 0

    async def run(self, *told: Command) -> list[Result]:
        self._number += 1
        batch = Batch(lane="test", number=self._number, commands=list(told))
        [reply] = (await self.store.commit([batch])).replies
        assert isinstance(reply, Results)
        return reply.results

    async def people(self, *user_ids: str) -> None:
        await self.run(*[PutUser(user_id=user_id, name=user_id.title()) for user_id in user_ids])

    async def say(self, sender_id: str, to: str, *contents: str) -> list[Result]:
        """Client ids are `<sender>-<content>`."""
        return await self.run(*[message(sender_id, to, content) for content in contents])

    async def read(self, reader_id: str, other_id: str, seq: int, delivered: int = 0) -> None:
        await self.run(
            AdvanceReceipt(
                user_id=reader_id,
                connection_id="",
                conversation_id=direct_conversation_id(reader_id, other_id),
                read_seq=seq,
                delivered_seq=delivered,
            )
        )


def message(sender_id: str, to: str, content: str, client_id: str = "") -> StoreMessage:
    return StoreMessage(
        user_id=sender_id,
        connection_id="",
        client_id=client_id or f"{sender_id}-{content}"[:60],
        conversation_id=direct_conversation_id(sender_id, to),
        content=content,
        to=to,
    )
