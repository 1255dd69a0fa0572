"""The messages that gateways send to themselves go from the front; what is left holds together."""

from pathlib import Path

from services.persistence.queries.followers import Followers
from services.persistence.upkeep.canary import CONVERSATION, KEPT, CanaryPruning
from shared.commands import LogPage, Stored
from shared.reserved import CANARIES
from tests.unit.persistence.log import Log, message
from tests.unit.persistence.test_audit import audited

SENDER, READER = CANARIES


async def sing(log: Log, first: int, last: int) -> None:
    await log.people(*CANARIES, "alice", "bob")
    for number in range(first, last + 1):
        await log.run(message(SENDER, READER, ".", f"c{number}"))
        await log.read(READER, SENDER, number)
        if number % 5 == 0:
            await log.say("alice", "bob", f"between {number}")


async def test_s85_old_ones_are_pruned_as_a_prefix_and_numbers_go_on(
    log: Log, database: Path, followers: Followers
) -> None:
    await sing(log, 1, 30)
    await log.store.index(1000, 10_000)
    pruning = CanaryPruning(log.store, followers)
    assert await pruning.prune() == 30 - KEPT - 1
    assert await pruning.prune() == 0
    assert audited(database) == []
    [stored] = await log.run(message(SENDER, READER, ".", "c31"))
    assert isinstance(stored, Stored)
    assert (stored.conversation_id, stored.seq) == (CONVERSATION, 31)
    [kept] = await log.run(message("alice", "bob", "between 5"))
    assert isinstance(kept, Stored)
    assert kept.duplicate
    assert audited(database) == []


async def test_r16_none_goes_before_every_follower_has_read_it(
    log: Log, database: Path, followers: Followers
) -> None:
    await sing(log, 1, 30)
    pruning = CanaryPruning(log.store, followers)
    for read, goes in ((3, False), (10_000, True)):
        asked = LogPage(follower="notify", positions={"1": read}, epoch="e", limit=1)
        followers.heard(asked, "e")
        assert bool(await pruning.prune()) is goes
