"""What is a word, and what is found by it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.persistence import terms
from services.persistence.terms import Wanted

SECRET = b"k" * 32
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def found(query: str, text: str) -> bool:
    """As search does it: the index proposes, the message decides."""
    wanted = terms.wanted(query)
    listed = terms.numbers(SECRET, "place", text)
    said = terms.words(text)
    proposed = [terms.number(SECRET, "place", word.stem) in listed for word in wanted]
    decided = [word.among(said) for word in wanted]
    assert all(proposed) or not all(decided), "the index would have left it out"
    return bool(wanted) and all(decided)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("kraken", "Release the KRAKEN!"),
        ("krak", "Release the KRAKEN!"),
        ("k", "Release the KRAKEN!"),
        ("the kra", "Release the kraken"),
        ("kraken the", "Release the kraken"),
        ("grusse", "Viele Grüße"),
        ("GRÜSSE", "viele grusse"),
        ("naive cafe", "a naïve café"),
        ("istanbul", "İstanbul"),
        ("fi", "ﬁnd"),
        ("don't", "don't"),
        ("invoice 4711", "the invoice, number 4711"),
        ("привет", "Привет, мир"),
        ("한", "한국어"),
        ("東京", "東京都に住む"),
        ("京都", "東京都に住む"),
        ("東京都", "東京都に住む"),
        ("京", "東京都に住む"),
        ("住む", "東京都に住む"),
        ("สวัสดี", "สวัสดีครับ"),
        ("हिन्दी", "यह हिन्दी है"),
        ("👍", "great 👍🏽"),
        ("🎉 party", "🎉🎉 partying"),
        ("e" * 80, "x " + "e" * 90),
    ],
)  # fmt: skip
def test_s46_it_is_found(query: str, text: str) -> None:
    assert found(query, text)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("kra ken", "Release the kraken"),
        ("raken", "Release the kraken"),
        ("krakens", "Release the kraken"),
        ("kraken release it", "Release the kraken"),
        ("gruss gott", "Grüße Gott"),
        ("京東", "東京都"),
        ("👎", "great 👍"),
        ("!!", "!!"),
        ("*", "anything"),
        ("", ""),
    ],
)
def test_it_is_not_found(query: str, text: str) -> None:
    assert not found(query, text)


@given(TEXT)
def test_every_text_is_found_by_itself_and_by_each_of_its_words(text: str) -> None:
    if terms.words(text):
        assert found(text, text)
    for word in terms.words(text):
        assert found(word, text)


@given(TEXT, st.integers(1, 60))
def test_what_is_found_by_a_beginning_has_such_a_word(text: str, size: int) -> None:
    for word in terms.words(text):
        assert Wanted(word[:size], begins=True).among(terms.words(text))


def test_only_the_last_word_may_be_unfinished() -> None:
    assert terms.wanted("the kra") == [Wanted("the"), Wanted("kra", begins=True)]


def test_the_numbers_of_a_conversation_stand_together_and_fit_the_column() -> None:
    numbers = terms.numbers(SECRET, "place", "some words of it")
    assert len({number >> 32 for number in numbers}) == 1
    assert all(0 <= number < 2**63 for number in numbers)
    assert not numbers & terms.numbers(SECRET, "elsewhere", "some words of it")
    assert not numbers & terms.numbers(b"other", "place", "some words of it")
