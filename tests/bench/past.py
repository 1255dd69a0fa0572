"""Owns a past to fill a store with: who said what to whom, as the commands of its traffic."""

import functools
import itertools
import random
from collections.abc import Iterator

from shared.commands import AdvanceReceipt, PutUser, StoreMessage
from shared.subjects import direct_conversation_id

BIG_SHARE = 5  # every fifth message is of the one big conversation, alice's and bob's
FRIENDS = 39  # of bob, besides alice: his inbox has as many rows in every store
EACH = 400  # messages of every other conversation, when there are enough
RARE, RARE_AT = "kraken", 45  # said once, in the tenth message of the big conversation
UNREAD = 3  # of the big one, by bob
KNOWN = 20_000  # words
STRIDE = 7919  # a prime, so that every pair has its turn

Pair = tuple[str, str]
BIG: Pair = ("alice", "bob")


class Language:
    """Sentences of three to twenty words: short ones often, most of them seldom."""

    def __init__(self) -> None:
        self._random = random.Random(4711)
        self._words = [self._word(rank) for rank in range(KNOWN)]
        self._weights = list(itertools.accumulate(1 / (rank + 1) for rank in range(KNOWN)))
        self.common = next(word for word in self._words if len(word) > 2)

    def _word(self, rank: int) -> str:
        size = 2 + int(self._random.triangular(0, 8, min(6.0, rank**0.5 / 20)))
        return "".join(self._random.choices("etaoinshrdlucmfwypvbg", k=size))

    def sentence(self) -> str:
        size = self._random.randint(3, 20)
        said = self._random.choices(self._words, cum_weights=self._weights, k=size)
        if self._random.random() < 0.4:
            said.append(self.common)
        return " ".join(said)


@functools.cache
def common_word() -> str:
    return Language().common


def pairs(total: int) -> list[Pair]:
    """Return the pairs that talk: bob with his friends, and as many others as it takes."""
    friends = [("bob", f"friend-{n}") for n in range(FRIENDS)]
    others = max(0, total * (BIG_SHARE - 1) // BIG_SHARE // EACH - FRIENDS)
    return friends + [(f"one-{n}", f"other-{n}") for n in range(others)]


def people(total: int) -> Iterator[PutUser]:
    for user_id in {user_id: None for pair in (BIG, *pairs(total)) for user_id in pair}:
        yield PutUser(user_id=user_id, name=user_id.title())


def talk(total: int) -> Iterator[StoreMessage]:
    """All at once, as it comes in: neighbours in time are of different conversations."""
    language, others = Language(), pairs(total)
    for number in range(total):
        before = number // BIG_SHARE  # messages of the big conversation
        pair = others[(number - before) * STRIDE % len(others)] if number % BIG_SHARE else BIG
        text = language.sentence()
        one, other = pair if before % 2 else pair[::-1]
        yield said(one, other, f"c{number}", text + f" {RARE}" * (number == RARE_AT))


def said(sender_id: str, to: str, client_id: str, content: str) -> StoreMessage:
    return StoreMessage(
        user_id=sender_id,
        connection_id="",
        client_id=client_id,
        conversation_id=direct_conversation_id(sender_id, to),
        content=content,
        to=to,
    )


def marks(total: int, last_seq: dict[str, int]) -> Iterator[AdvanceReceipt]:
    """Everybody has read everything, but for the last few of the big conversation by bob."""
    for pair in (BIG, *pairs(total)):
        place = direct_conversation_id(*pair)
        for user_id in pair:
            behind = UNREAD if (pair, user_id) == (BIG, "bob") else 0
            yield AdvanceReceipt(
                user_id=user_id,
                connection_id="",
                conversation_id=place,
                delivered_seq=last_seq[place],
                read_seq=last_seq[place] - behind,
            )
