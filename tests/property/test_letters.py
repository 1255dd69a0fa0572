"""E-mails as bytes, against the e-mail library: whatever people write, both say the same."""

import re
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default

from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from services.notify.channels.headers import head
from services.notify.channels.letter import Letters
from services.notify.channels.parts import alternative
from services.notify.ladder.content import MessageContent
from shared.commands import Preview, Profile
from shared.settings import Settings

NOW = 1_700_000_000_000_000
LETTERS = Letters(Settings(public_url="https://chat.example.com"), lambda: NOW)
BREAKS = re.compile(r"\r\n|\r|\n")

# What has broken e-mails: the transport's end, boundaries, encodings, folds, other directions.
TROUBLE = st.sampled_from(
    [
        *(".", "..", ".\r\n", "\r\n.\r\n", "\n.\n", "\r", "\n", "\r\n\r\nBcc: eve@example.com"),
        *("--=_linkup", "\r\n--=_linkup--\r\n", "=3D", "=", "=\r\n", "From eve", "a \t ", "\t"),
        *(
            "שלום 🦊",
            "مرحبا",
            "👨\u200d👩\u200d👧",
            "\u202e",
            "é",
            "e\u0301",
            "\u2028",
            "\x00",
            "\x0b",
        ),
        *("x" * 1_500, "x " * 700, "é" * 400, "&<>\"'", "=?utf-8?q?=41?="),
    ]
)
TEXTS = st.lists(TROUBLE | st.text(st.characters(codec="utf-8"), max_size=20), max_size=5).map(
    "".join
)


def by_library(subject: str, text: str, html: str) -> EmailMessage:
    letter = EmailMessage(SMTP)
    letter["Subject"] = subject
    letter.set_content(text, cte="quoted-printable")
    letter.add_alternative(html, subtype="html", cte="quoted-printable")
    return letter


def read(content: bytes) -> EmailMessage:
    letter = message_from_bytes(content.replace(b"\r\n", b"\n"), policy=default)
    assert isinstance(letter, EmailMessage)
    return letter


def parts(letter: EmailMessage) -> list[tuple[str, dict[str, str], str]]:
    assert not any(part.defects for part in letter.walk())
    return [
        (part.get_content_type(), dict(part["Content-Type"].params), part.get_content())
        for part in letter.iter_parts()
    ]


def check_lines(content: bytes) -> None:
    """Lines end in CRLF and are no longer than 78 characters, all of them ASCII."""
    assert content.isascii()
    assert content.endswith(b"\r\n")
    lines = content.removesuffix(b"\r\n").split(b"\r\n")
    assert not any(b"\r" in line or b"\n" in line for line in lines)
    assert max(map(len, lines)) <= 78


@given(subject=TEXTS, text=TEXTS, html=TEXTS)
def test_s74_an_email_is_read_as_the_librarys_own(subject: str, text: str, html: str) -> None:
    one_line = " ".join(filter(str.isprintable, subject.split()))
    text, html = f"{text}\n", f"{html}\n"  # as templates end, and the library has each text end
    content = head([("Subject", one_line)]) + alternative(text, html)
    check_lines(content)
    own = read(content)
    lines = [BREAKS.sub("\n", part) for part in (text, html)]
    other = read(by_library(one_line.strip(), *lines).as_bytes())
    assert own["Subject"] == other["Subject"]
    assert own.keys() == other.keys()
    assert own.get_content_type() == other.get_content_type() == "multipart/alternative"
    assert parts(own) == parts(other)


@given(sender=TEXTS, title=TEXTS, said=st.lists(TEXTS, min_size=1, max_size=3))
def test_s74_what_people_write_is_in_no_header(sender: str, title: str, said: list[str]) -> None:
    previews = [
        Preview(sender_id="ann", sender_name=sender, content=text, seq=seq, created_at=NOW)
        for seq, text in enumerate(said, 1)
    ]
    bob = Profile(user_id="bob", name=sender, email="bob@example.com")
    plain = MessageContent(
        conversation_id="c", kind="group", title="A", unread=3, senders=1, previews=previews[:1]
    )
    written = LETTERS.write("1" * 32, bob, replace(plain, title=title, previews=previews))
    check_lines(written.content)
    letter = read(written.content)
    assert letter.items() == read(LETTERS.write("1" * 32, bob, plain).content).items()
    assert [kind for kind, _, _ in parts(letter)] == ["text/plain", "text/html"]
