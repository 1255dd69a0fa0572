"""The words of a text, and the messages that are found by them."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.persistence.store import words
from services.persistence.store.words import Wanted

SECRET = b"k" * 32
TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)


def found(query: str, text: str) -> bool:
    """As search does it: the index proposes, the message decides."""
    wanted = words.wanted(query)
    listed = words.numbers(SECRET, "place", text)
    said = words.words(text)
    proposed = [words.number(SECRET, "place", word.stem) in listed for word in wanted]
    decided = [word.among(said) for word in wanted]
    assert all(decided) == words.holds(text, wanted)
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


UNSEEN = [
    *("\u00ad", "\u034f", "\u061c", "\u115f", "\u17b4", "\u180b", "\u180e", "\u3164", "\uffa0"),
    *("\u200b", "\u200c", "\u200d", "\u200e", "\u200f", "\u202a", "\u202e", "\u2060", "\u2063"),
    *("\u2066", "\u2069", "\ufe00", "\ufe0e", "\ufe0f", "\ufeff", "\U000e0041", "\U000e0100"),
    *("\x01", "\x7f", "\x9f", "\u0301", "\u20d7"),
]


@pytest.mark.parametrize("unseen", UNSEEN, ids=ascii)
def test_f_s13_what_cannot_be_seen_parts_no_words(unseen: str) -> None:
    parted = f"alle {unseen}zu{unseen}sam{unseen}men{unseen}, ja"
    for query, text in (("zusammen", parted), ("zusammen", parted.upper()), (parted, parted)):
        assert found(query, text)
    assert found(f"zu{unseen}sammen", "alle zusammen")
    assert found(f"zu{unseen}sam", "Alle ZUSAMMEN")
    assert not found("sam", parted)


@pytest.mark.parametrize(
    ("query", "text"),
    [
        ("zusammen", "\uff3a\uff35sammen"),  # full-width
        ("strasse", "Stra\u00dfe"),
        ("STRA\u1e9eE", "strasse"),
        ("ispartali", "\u0131spartal\u0131"),
        ("\u0131spartal\u0131", "ISPARTALI"),
        ("\u0130zmir", "izmir"),
        ("cafe", "cafe\u0301"),
        ("caf\u00e9", "cafe"),
        ("\u03a3\u0391\u03a3", "\u03c3\u03b1\u03c2"),
        ("\u0645\u06cc\u062e\u0648", "\u0645\u06cc\u200c\u062e\u0648"),
        ("\u2764", "with \u2764\ufe0f"),
        ("\u2764\ufe0f", "with \u2764"),
        ("\U0001f469", "\U0001f468\u200d\U0001f469"),
        ("\u0915\u094d\u0937", "\u0915\u094d\u200d\u0937"),
    ],
    ids=ascii,
)  # fmt: skip
def test_f_s13_the_form_of_a_letter_does_not_matter(query: str, text: str) -> None:
    assert found(query, text)


@pytest.mark.parametrize("space", [" ", "\t", "\n", "\x85", "\u00a0", "\u2003", "\u2028", "\u3000"])
def test_f_s13_a_space_parts_words_however_wide(space: str) -> None:
    assert found("sam", f"zu{space}sam{space}men")
    assert not found("zusammen", f"zu{space}sammen")


@settings(max_examples=200)
@given(TEXT, st.sampled_from(UNSEEN[:-2]), st.integers(0, 60))
def test_f_s13_a_text_has_the_same_words_with_it_and_without(
    text: str, unseen: str, at: int
) -> None:
    assert words.words(text[:at] + unseen + text[at:]) == words.words(text)


@given(TEXT)
def test_every_text_is_found_by_itself_and_by_each_of_its_words(text: str) -> None:
    if words.words(text):
        assert found(text, text)
    for word in words.words(text):
        assert found(word, text)


@given(TEXT, st.integers(1, 60))
def test_what_is_found_by_a_beginning_has_such_a_word(text: str, size: int) -> None:
    for word in words.words(text):
        assert Wanted(word[:size], begins=True).among(words.words(text))


def test_only_the_last_word_may_be_unfinished() -> None:
    assert words.wanted("the kra") == [Wanted("the"), Wanted("kra", begins=True)]


def test_the_numbers_of_a_conversation_stand_together_and_fit_the_column() -> None:
    numbers = words.numbers(SECRET, "place", "some words of it")
    assert len({number >> 32 for number in numbers}) == 1
    assert all(0 <= number < 2**63 for number in numbers)
    assert not numbers & words.numbers(SECRET, "elsewhere", "some words of it")
    assert not numbers & words.numbers(b"other", "place", "some words of it")
