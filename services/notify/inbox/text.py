"""Owns the cleaning of what people wrote, for lines of an e-mail or a push message."""

PREVIEW_LENGTH = 100
JOINERS = "\u200c\u200d"  # not printable by themselves, but scripts and emoji need them


def shorten(content: str) -> str:
    text = one_line(content)
    return text if len(text) <= PREVIEW_LENGTH else text[:PREVIEW_LENGTH].rstrip() + "…"


def one_line(text: str) -> str:
    """Remove line breaks of any script and controls, which could forge what follows."""
    words = " ".join(text.split())
    if words.isprintable():
        return words
    return "".join(letter for letter in words if letter.isprintable() or letter in JOINERS)


def paragraphs(text: str) -> list[str]:
    return [line for line in map(one_line, text.splitlines()) if line]


def initial(name: str) -> str:
    """The first letter or digit of a name, or its first sign if it has none."""
    first = next(filter(str.isalnum, name), name[:1])
    return first.upper()[:1]
