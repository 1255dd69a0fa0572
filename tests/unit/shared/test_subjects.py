"""No user text ever becomes a subject."""

import re
import sys
import unicodedata

from hypothesis import example, given
from hypothesis import strategies as st

from shared import subjects

TOKEN = re.compile(r"[a-z2-7]{24}\Z")
user_ids = st.text(st.characters(codec="utf-8"), min_size=1, max_size=128)


def test_every_character_of_unicode_gives_a_token_of_the_same_shape() -> None:
    tokens = set()
    count = 0
    for point in range(0, sys.maxunicode + 1, 7):
        if unicodedata.category(chr(point)) != "Cs":
            token = subjects.token(chr(point))
            assert TOKEN.match(token)
            tokens.add(token)
            count += 1
    assert len(tokens) == count


@given(user_ids)
@example("a.b.*.>")
@example("x" * 128)
@example("\U0001f600" * 128)
def test_a_subject_has_constant_length(user_id: str) -> None:
    feed, user = subjects.feed(user_id), subjects.user(user_id)
    assert re.match(r"linkup\.user\.[a-z2-7]{24}\.feed\Z", feed)
    assert user == feed.removesuffix("feed") + "*"


@given(user_ids, user_ids)
def test_a_direct_conversation_is_the_same_from_either_side(one: str, other: str) -> None:
    conversation_id = subjects.direct_conversation_id(one, other)
    assert conversation_id == subjects.direct_conversation_id(other, one)
    assert re.match(r"d[a-z2-7]{24}\Z", conversation_id)


@given(st.sets(st.frozensets(st.text("ab", min_size=1, max_size=3), max_size=2), max_size=8))
def test_other_pairs_have_other_conversations(pairs: set[frozenset[str]]) -> None:
    found = [subjects.direct_conversation_id(min(pair), max(pair)) for pair in pairs if pair]
    assert len(found) == len(set(found))


def test_what_a_user_is_called_on_the_bus_does_not_change() -> None:
    """Two versions of the code run side by side during an upgrade."""
    assert subjects.token("alice") == "juvyprairklh6swfepoiqxu2"
    assert subjects.query("joins") == "linkup.query.joins"
