"""Owns words: splitting text into them, and the numbers that represent them. Pure.

Case, accents and the form of a character do not matter, and what cannot be seen parts no words.
Scripts that are written without spaces are taken in pairs of characters, an emoji is a word of its
own. A change of what a word is needs a migration (r0012): messages are listed by their words.
"""

import functools
import re
import unicodedata
from collections.abc import Iterable, Iterator
from hashlib import blake2b

from msgspec import Struct

MAX_WORD = 64  # code points; the rest of a longer one does not count
STEMS = (3, 6)  # characters: what a word is found by, until the message itself is looked at

_UNSPACED = (
    "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3040-\u30ff\u3400-\u4dbf\u4e00-\u9fff"
    "\uf900-\ufaff\U00020000-\U0003ffff"
)
_VOWEL_SIGNS = "\u0900-\u0963\u0970-\u0dff"  # of the scripts of India: no letters to Python
_EMOJI = "\u2190-\u21ff\u2300-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff"
_PIECES = re.compile(
    f"(?P<unspaced>[{_UNSPACED}]+)|(?P<emoji>[{_EMOJI}])|(?:(?![{_UNSPACED}{_EMOJI}])"
    f"(?:[^\\W_]|[{_VOWEL_SIGNS}]))+"
)
_ASCII = re.compile("[a-z0-9]+")
_ASCII_CONTROLS = re.compile("[\0-\x08\x0e-\x1b\x7f]")
# Unicode's Default_Ignorable_Code_Point and controls that are no white space.
_UNSEEN = re.compile(
    "[\0-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5"
    "\u180b-\u180f\u200b-\u200f\u202a-\u202e\u2060-\u206f\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
    "\U00016fe4\U0001bca0-\U0001bca3\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+"
)


class Wanted(Struct, frozen=True):
    """A word that is looked for, or the beginning of one."""

    text: str
    begins: bool = False

    @property
    def stem(self) -> str:
        """The index entry of every message that holds the word; empty: that of every message."""
        if not _listed(self.text):
            return ""
        if not self.begins:
            return self.text[: STEMS[-1]]
        return next((self.text[:size] for size in reversed(STEMS) if len(self.text) >= size), "")

    def among(self, words: set[str]) -> bool:
        if self.text in words:
            return True
        return self.begins and any(word.startswith(self.text) for word in words)


def wanted(query: str) -> list[Wanted]:
    """Return each word once; the last one may be unfinished."""
    found: dict[str, Wanted] = {}
    pieces = list(_pieces(_plain(query)))
    for number, (kind, piece) in enumerate(pieces):
        last = number == len(pieces) - 1
        if kind == "unspaced" and len(piece) > 1:
            pairs = (piece[at : at + 2] for at in range(len(piece) - 1))
            found.update((pair, Wanted(pair)) for pair in pairs)
        else:
            text = piece[:MAX_WORD]
            found[text] = Wanted(text, begins=last and kind != "emoji" and len(piece) < MAX_WORD)
    return list(found.values())


def holds(text: str, wanted: Iterable[Wanted]) -> bool:
    """Return whether the text contains all of these words, or words that begin with them."""
    plain = _plain(text)
    if any(word.text not in plain for word in wanted):
        return False  # as most often, and most quickly
    said = set(parted(plain))
    return all(word.among(said) for word in wanted)


def words(text: str) -> set[str]:
    return set(parted(_plain(text)))


def numbers(secret: bytes, conversation_id: str, text: str) -> set[int]:
    """Return the index numbers of a message of that conversation."""
    return numbers_of(secret, conversation_id, words(text))


def numbers_of(secret: bytes, conversation_id: str, said: Iterable[str]) -> set[int]:
    place = _place(secret, conversation_id)
    listed = filter(_listed, said)
    stems = {word[:size] for word in listed for size in STEMS} | {""}
    return {place | _hash(secret, stem) for stem in stems}


def number(secret: bytes, conversation_id: str, stem: str) -> int:
    """Return the number of a stem in a conversation, below 2^63. Those of one are adjacent.

    Two may share a number; who looks for one takes another look at the message. None of them can
    be read as a word.
    """
    return _place(secret, conversation_id) | _hash(secret, stem)


def _listed(word: str) -> bool:
    """Not worth a row: a letter or two, except where that is all a word has."""
    if len(word) >= STEMS[0]:
        return True
    kind = None if word.isascii() else _PIECES.match(word)
    return kind is not None and kind.lastgroup is not None


def _place(secret: bytes, conversation_id: str) -> int:
    return (_hash(secret, conversation_id) & 0x7FFFFFFF) << 32


@functools.lru_cache(maxsize=65_536)
def _hash(secret: bytes, text: str) -> int:
    return int.from_bytes(blake2b(text.encode(), digest_size=4, key=secret).digest(), "big")


def _plain(text: str) -> str:
    if text.isascii() and not _ASCII_CONTROLS.search(text):
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", _UNSEEN.sub("", text)).casefold()
    decomposed = decomposed.replace("\u0131", "i")  # the dotless one: it has no other capital
    return "".join(
        sign
        for sign in unicodedata.normalize("NFKD", decomposed)
        if not unicodedata.combining(sign)
    )


def _pieces(text: str) -> Iterator[tuple[str | None, str]]:
    for found in _PIECES.finditer(text):
        yield found.lastgroup, found[0]


def parted(text: str) -> Iterator[str]:
    """Yield the words of a text in its plain form."""
    if text.isascii():
        yield from (word[:MAX_WORD] for word in _ASCII.findall(text))
        return
    for kind, piece in _pieces(text):
        if kind == "unspaced":
            yield from (piece[at : at + 2] for at in range(len(piece)))
        else:
            yield piece[:MAX_WORD]
