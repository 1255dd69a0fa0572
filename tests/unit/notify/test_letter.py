"""The content of an e-mail, and what it must never contain."""

from email.message import EmailMessage
from functools import cache

import pytest
from msgspec.structs import replace

from services.notify.channels.language import time_zone
from services.notify.channels.letter import Letters, sender
from services.notify.channels.links import Links
from services.notify.inbox.text import one_line, shorten
from services.notify.ladder.content import DigestContent, MessageContent, NoticeContent
from shared.commands import MarksRow, Preview, Profile
from shared.errors import SettingError
from shared.settings import Settings
from tests.support.letters import read

NOW = 1_700_000_000_000_000


def written(content: str = "hello", unread: int = 1, public_url: str = "", **of: str) -> str:
    return body(letter_of(marks(content, unread, **of), public_url), "plain")


def letter_of(row: MarksRow, public_url: str = "") -> EmailMessage:
    return read(letters(public_url).write("n1", row.profile, MessageContent.of(row)))


@cache
def letters(public_url: str = "") -> Letters:
    """Its templates are compiled once."""
    return Letters(Settings(public_url=public_url), lambda: NOW)


def marks(content: str, unread: int, zone: str = "UTC", sender_id: str = "ann") -> MarksRow:
    preview = Preview(sender_id=sender_id, sender_name=None, content=content, seq=1, created_at=NOW)
    return MarksRow(
        user_id="bob",
        conversation_id="c",
        read_seq=0,
        last_seq=unread,
        unread=unread,
        profile=Profile(user_id="bob", email="bob@example.test", time_zone=zone),
        previews=[preview],
    )


def body(letter: EmailMessage, kind: str) -> str:
    part = letter.get_body((kind,))
    assert part is not None
    return str(part.get_content())


def test_a_preview_is_the_first_hundred_characters() -> None:
    assert shorten("x" * 100) == "x" * 100
    assert shorten("x" * 101) == "x" * 100 + "…"
    assert f"ann: {'ä' * 100}…" in written("ä" * 500)


def test_what_is_not_shown_is_counted() -> None:
    assert "earlier" not in written()
    assert "(6 earlier messages)\n\nann: hello\n" in written(unread=7)


@pytest.mark.parametrize("break_", ["\r\n", "\n", "\x85", "\u2028", "\u2029", "\x0b", "\x0c"])
def test_no_line_break_of_any_script_survives(break_: str) -> None:
    assert one_line(f"a{break_}b") == "a b"


def test_controls_go_and_joined_emoji_stay() -> None:
    assert one_line("\x00a\u202eb\x1b[31m") == "ab[31m"
    assert one_line("👨\u200d👩\u200d👧") == "👨\u200d👩\u200d👧"


def test_times_are_the_recipients() -> None:
    assert "(Nov 14, 2023, 10:13\u202fPM UTC)" in written()
    assert "(Nov 15, 2023, 7:13\u202fAM)" in written(zone="Asia/Tokyo")


@pytest.mark.parametrize("name", ["", "Nowhere/Atall", "../../etc/passwd", "Europe", "\x00", None])
def test_an_unknown_time_zone_is_utc(name: str | None) -> None:
    assert str(time_zone(name)) == "UTC"


def test_the_link_quotes_the_user_id() -> None:
    assert "http" not in written()
    link = written(public_url="https://chat.test/", sender_id="a/b?c d")
    assert "https://chat.test/chat/a%2Fb%3Fc%20d/\n" in link


@pytest.mark.parametrize(
    ("template", "direct", "group"),
    [
        ("https://app.test/m/{conversation_id}", "https://app.test/m/c%2F1", None),
        (
            "https://app.test/?with={user_id}",
            "https://app.test/?with=a%2Fb",
            "https://chat.test/group/",
        ),
        ("https://app.test/{user_id}#{conversation_id}", "https://app.test/a%2Fb#c%2F1", None),
    ],
)
def test_s74_links_lead_to_the_hosts_own_page(
    template: str, direct: str, group: str | None
) -> None:
    links = Links(Settings(public_url="https://chat.test", conversation_url=template))
    content = MessageContent.of(replace(marks("hi", 1, sender_id="a/b"), conversation_id="c/1"))
    assert links.conversation(content) == direct
    in_group = links.conversation(replace(content, kind="group", title="Team"))
    assert in_group.startswith(group or "https://app.test/")
    assert "a%2Fb" not in in_group


def test_a_group_is_named_in_the_body_alone_and_on_one_line() -> None:
    group = replace(marks("hi", 2), kind="group", title="Team\u2028<b>")
    letter = letter_of(group, "https://chat.test")
    assert letter["Subject"] == "2 unread messages"
    assert "2 new messages in Team <b>\n" in body(letter, "plain")
    assert "https://chat.test/group/c/\n" in body(letter, "plain")
    assert "in <bdi>Team &lt;b&gt;</bdi>" in body(letter, "html")


def test_s74_the_subject_counts_the_people_of_a_group_and_names_none() -> None:
    group = replace(marks("hi", 5), kind="group", title="Team", senders=2)
    letter = letter_of(group)
    assert letter["Subject"] == "5 unread messages from 2 people"
    german = replace(group, profile=replace(group.profile, locale="de"))
    assert letter_of(german)["Subject"] == "5 ungelesene Nachrichten von 2 Personen"


def test_s73_a_notification_shows_its_text_in_the_body_alone() -> None:
    content = NoticeContent(
        notification_type="post_liked",
        priority="urgent",
        title="Eve\u2028Bcc: x",
        body="one\r\n.\r\n<b>two</b>",
        action_url="javascript:alert(1)",
        sender_id="eve",
        created_at=NOW,
    )
    bob = Profile(user_id="bob", email="bob@example.test")
    letter = read(letters("https://chat.test").write("n1", bob, content))
    assert letter["Subject"] == "Urgent: Somebody liked your post"
    assert "Eve Bcc: x\n\none\n.\n<b>two</b>\n(eve, " in body(letter, "plain")
    html = body(letter, "html")
    assert "&lt;b&gt;two&lt;/b&gt;" in html
    assert "javascript" not in html
    assert "See details: https://chat.test/\n" in body(letter, "plain")


def test_s75_a_digest_counts_what_it_lists() -> None:
    conversation = MessageContent.of(marks("hi", 3))
    notice = NoticeContent(notification_type="mention", title="Ann mentioned you", created_at=NOW)
    bob = Profile(user_id="bob", email="bob@example.test")
    digest = DigestContent(period="weekly", conversations=[conversation] * 2, notices=[notice])
    letter = read(letters("https://chat.test").write("n1", bob, digest))
    assert letter["Subject"] == "Your weekly summary: 6 unread messages and 1 notification"
    text = body(letter, "plain")
    assert text.count("* ann: 3 unread messages\n  ann: hi\n") == 2
    assert "* Ann mentioned you (" in text
    assert "https://chat.test/chat/ann/" in text
    assert "more" not in text
    alone = DigestContent(period="hourly", notices=[notice])
    assert (
        read(letters().write("n1", bob, alone))["Subject"] == "Your hourly summary: 1 notification"
    )


def test_s75_a_long_digest_lists_the_latest_and_counts_the_rest() -> None:
    said = [
        replace(marks(f"text {n}.", 1).previews[0], created_at=NOW + n * 1_000_000)
        for n in range(500)
    ]
    conversations = [
        MessageContent(conversation_id=f"c{n}", unread=1, previews=[preview])
        for n, preview in enumerate(said)
    ]
    digest = DigestContent(period="daily", conversations=conversations)
    bob = Profile(user_id="bob", email="bob@example.test")
    letter = read(letters("https://chat.test").write("n1", bob, digest))
    text = body(letter, "plain")
    assert text.index("text 499.") < text.index("text 480.") < text.index("and 480 more\n")
    assert "text 479." not in text
    assert letter["Subject"] == "Your daily summary: 500 unread messages"
    assert len(letter.as_bytes()) < 80_000


@pytest.mark.parametrize(
    "said",
    [
        *(
            "--=_linkup",
            "--linkup",
            "--linkup--",
            "=",
            "=3D",
            ".",
            "..",
            "From ann",
            "x " * 49,
            "ä🦊" * 50,
        ),
        "a\t \u00a0",
    ],
)
def test_s74_what_people_write_never_ends_a_part(said: str) -> None:
    """Read again as mail clients do, nothing is lost or added, and no line is too long."""
    content = NoticeContent(notification_type="mention", title=said, body=said, created_at=NOW)
    letter = letters().write("n1", Profile(user_id="bob", email="bob@example.test"), content)
    seen = read(letter)
    plain, html = seen.iter_parts()
    assert (plain.get_content_type(), html.get_content_type()) == ("text/plain", "text/html")
    line = one_line(said)
    assert f"\n\n{line}\n\n{line}\n(" in body(seen, "plain")
    assert body(seen, "html").endswith("</html>\n")
    assert not any(part.defects for part in (seen, plain, html))
    assert max(map(len, letter.content.split(b"\r\n"))) <= 78
    assert letter.content.isascii()


def test_html_of_users_is_text() -> None:
    html = body(letter_of(marks("<script>x</script>&", 1)), "html")
    assert "&lt;script&gt;x&lt;/script&gt;&amp;" in html


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.test", "a@b.test"),
        ("LinkUp <a@b.test>", "LinkUp <a@b.test>"),
        ('"Müller, LinkUp" <a@b.test>', '"Müller, LinkUp" <a@b.test>'),
        ("<a@b.test>", "a@b.test"),
    ],
)
def test_the_sender_is_an_address_with_or_without_a_name(text: str, expected: str) -> None:
    assert str(sender(text)) == expected


@pytest.mark.parametrize("text", ["", "LinkUp", "<>", "a@", "@b", "ä@b.test", "x <a@b> y", "a b@c"])
def test_a_sender_that_is_none_is_named(text: str) -> None:
    with pytest.raises(
        SettingError, match=r"LINKUP_SMTP_FROM=.*write it as Name <name@example.com>"
    ):
        sender(text)
