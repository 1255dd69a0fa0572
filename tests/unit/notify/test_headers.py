"""The headers of an e-mail, against the grammars of their RFCs."""

import re
from functools import cache

import pytest

from services.notify.channels.headers import WHOLE, head
from services.notify.channels.letter import Letter, Letters
from services.notify.channels.samples import samples
from services.notify.channels.unsubscription import ALL, Unsubscriptions
from services.notify.ladder.content import Content, MessageContent
from shared.commands import Profile
from shared.errors import NotFound
from shared.settings import Settings
from tests.support.letters import read

PUBLIC_URL = "https://chat.example.com"
LONG_URL = f"https://{'chat.' * 20}example.com/below"
SENDER = f"Müller & Söhne, Büro für Nachrichten <no-reply@{'mail.' * 20}example.com>"
UNSUBSCRIPTIONS = Unsubscriptions(b"k" * 32, PUBLIC_URL)


@cache
def check(grammar: str, rule: str, text: str) -> None:
    """Raises ParseError. Many e-mails have a header in common, and it takes long to parse."""
    from tests.support.grammars import GRAMMARS  # not by each worker that collects this file

    GRAMMARS[grammar](rule).parse_all(text)


def written(content: Content, profile: Profile, public_url: str = PUBLIC_URL) -> Letter:
    return letters(public_url).write("0123456789abcdef" * 2, profile, content)


@cache
def letters(public_url: str) -> Letters:
    """Its templates are compiled once."""
    settings = Settings(public_url=public_url, smtp_from=SENDER)
    links = Unsubscriptions(b"k" * 32, public_url)
    return Letters(settings, lambda: 1_700_000_000_000_000, links.link)


def lines(letter: Letter) -> dict[str, str]:
    """The headers as they are sent, by their names, folds included."""
    head, _, _ = letter.content.partition(b"\r\n\r\n")
    fields = re.split(r"\r\n(?![ \t])", head.decode("ascii"))
    return {field.partition(":")[0].lower(): f"{field}\r\n" for field in fields}


SAMPLES = [(content, profile) for name in ("en", "fr") for profile, content in samples(name)]


@pytest.mark.parametrize(("content", "profile"), SAMPLES)
def test_s74_headers_are_those_of_rfc_5322(content: Content, profile: Profile) -> None:
    sent = lines(written(content, profile))
    for name in ("to", "subject", "message-id"):
        check("mail", name, sent[name])
    check("mail", "orig-date", sent["date"])
    if isinstance(content, MessageContent):
        for name in ("references", "in-reply-to"):
            check("mail", name, sent[name])
    assert all(len(line) <= 998 for field in sent.values() for line in field.split("\r\n"))
    parsed = read(written(content, profile))
    assert [value.defects for value in parsed.values()] == [()] * len(parsed)
    assert not parsed.defects


@pytest.mark.parametrize("public_url", [PUBLIC_URL, LONG_URL])
@pytest.mark.parametrize(("content", "profile"), SAMPLES)
def test_s74_one_click_unsubscribes_by_rfc_8058(
    content: Content, profile: Profile, public_url: str
) -> None:
    sent = lines(written(content, profile, public_url))
    check("lists", "list-unsubscribe-post", sent["list-unsubscribe-post"])
    check("lists", "list-id", sent["list-id"])
    found = re.fullmatch(r"List-Unsubscribe: <(.+)>\r\n", sent["list-unsubscribe"])
    assert found
    check("uri", "URI", found[1])
    assert found[1].startswith(f"{public_url}/unsubscribe/")
    letter = read(written(content, profile, public_url))
    for kind in ("plain", "html"):
        part = letter.get_body((kind,))
        assert part is not None
        assert found[1] in part.get_content()


@pytest.mark.parametrize(("public_url", "has"), [("", 0), ("http://chat.example.com", 1)])
def test_without_https_there_is_no_one_click(public_url: str, has: int) -> None:
    letter = read(written(*SAMPLES[0], public_url))
    assert len(letter.get_all("List-Unsubscribe", [])) == has
    assert "List-Unsubscribe-Post" not in letter


def test_s74_the_sender_is_that_of_rfc_5322() -> None:
    check("mail", "from", lines(written(*SAMPLES[0]))["from"])


def test_emails_about_one_conversation_are_one_thread() -> None:
    (content, profile), (other, _) = SAMPLES[0], SAMPLES[1]
    assert isinstance(content, MessageContent)
    one, again = read(written(content, profile)), read(written(content, profile))
    assert one["References"] == one["In-Reply-To"] == again["References"]
    assert one["References"] != one["Message-ID"]
    somebody = Profile(user_id="else", email="else@example.com")
    assert read(written(content, somebody))["References"] != one["References"]
    assert "References" not in read(written(other, profile))


def test_a_token_names_its_user_and_type() -> None:
    for user_id in ("bob", "Zoë 🦊", "x" * 128):
        for notification_type in ("new_message", ALL):
            token = UNSUBSCRIPTIONS.token(user_id, notification_type)
            assert UNSUBSCRIPTIONS.read(token) == (user_id, notification_type)


def test_a_token_of_others_is_none() -> None:
    token = UNSUBSCRIPTIONS.token("bob", "new_message")
    head, claims, mark = token.split(".")
    other = Unsubscriptions(b"o" * 32, PUBLIC_URL).token("bob", "new_message")
    nobody = "eyJhbGciOiJub25lIn0"  # {"alg":"none"}
    for wrong in (
        *("", "x", "\x00", "é.é.é", "a.b.c", other, token[:-2], f"{token}x", f"{head}.{claims}."),
        *(f"{nobody}.{claims}.", f"{nobody}.{claims}.{mark}", f"{head}.{claims[:-4]}.{mark}"),
    ):
        with pytest.raises(NotFound):
            UNSUBSCRIPTIONS.read(wrong)


@pytest.mark.parametrize("text", ["a\r\nBcc: x", "a\n", "a\r", "a\x85b", "a\u2028b", "ä", "a\x00"])
def test_s74_a_header_of_one_word_has_no_line_break(text: str) -> None:
    for name in WHOLE:
        with pytest.raises(ValueError, match="cannot be written"):
            head([(name, text)])


def test_s74_a_word_of_a_catalogue_cannot_end_the_headers() -> None:
    assert head([("Subject", "New messages\n")]) == b"Subject: New messages\r\n"
    with pytest.raises(ValueError, match="linefeed"):
        head([("Subject", "New\r\nBcc: x")])
