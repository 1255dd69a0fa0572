"""Chunks of items, and mappings that forget what is oldest."""

from shared.bounded import Bounded
from shared.chunks import chunks


def test_chunks_have_all_items_in_order() -> None:
    assert list(chunks(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks("ab", 2)) == [["a", "b"]]
    assert list(chunks([], 2)) == []


def test_a_key_that_is_set_again_is_the_newest() -> None:
    known = Bounded[str, int](2)
    known["a"], known["b"], known["a"] = 1, 2, 3
    known["c"] = 4
    assert list(known.items()) == [("a", 3), ("c", 4)]
