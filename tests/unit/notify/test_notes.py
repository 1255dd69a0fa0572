"""The content of a push: names and text, cleaned, and the page that it opens."""

from typing import Any

import pytest

from services.notify.channels.links import Links
from services.notify.channels.notes import Notes
from services.notify.channels.push import Note
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from shared.commands import Preview
from shared.settings import Settings

PAGE = "https://chat.example"


def note(content: Content, thread: str = "c1", **settings: Any) -> Note:
    return Notes(Links(Settings(public_url=PAGE, **settings))).write(thread, content)


def said(content: str, sender: str | None = "Bob") -> Preview:
    return Preview(sender_id="bob", sender_name=sender, content=content, seq=1, created_at=0)


def messages(*previews: Preview, **values: Any) -> MessageContent:
    return MessageContent(conversation_id="c1", unread=len(previews), previews=previews, **values)


def test_s97_one_message_is_its_sender_and_its_text() -> None:
    told = note(messages(said("Lunch?")))
    assert (told.title, told.body, told.tag) == ("Bob", "Lunch?", "c1")
    assert told.url == f"{PAGE}/chat/bob/"
    assert told.priority == "normal"


def test_s97_of_several_messages_the_latest_is_shown_and_all_are_counted() -> None:
    told = note(messages(said("Lunch?"), said("At noon")))
    assert (told.title, told.body) == ("Bob (2)", "At noon")


def test_s97_a_group_is_named_and_so_is_who_wrote() -> None:
    told = note(messages(said("Hi"), kind="group", title="Team"))
    assert (told.title, told.body) == ("Team", "Bob: Hi")
    assert told.url == f"{PAGE}/group/c1/"


def test_s97_a_push_opens_the_conversation_where_the_setting_says() -> None:
    template = "https://app.example/inbox?with={user_id}"
    assert note(messages(said("x")), conversation_url=template).url.endswith("?with=bob")


@pytest.mark.parametrize("text", ["a\nb", "a\u2028b", "a\r\n\tb", "a\x07 b"])
def test_text_of_people_stays_on_its_line(text: str) -> None:
    told = note(messages(said(text, sender=text), kind="group", title=text))
    assert (told.title, told.body) == ("a b", "a b: a b")


def test_s97_without_a_name_a_sender_is_their_id() -> None:
    assert note(messages(said("x" * 500, sender=None))).title == "bob"


def test_s97_a_notification_from_the_host_is_shown_as_it_is() -> None:
    content = NoticeContent(
        notification_type="security_alert",
        priority="urgent",
        title="New sign-in",
        body="From\nBerlin",
        action_url="/security",
        created_at=0,
    )
    told = note(content, "n:abc")
    assert (told.title, told.body, told.priority) == ("New sign-in", "From Berlin", "urgent")
    assert (told.notification_id, told.tag) == ("abc", "n:abc")
    assert told.url == f"{PAGE}/security"


def test_a_digest_says_only_that_there_is_something() -> None:
    told = note(DigestContent(period="daily", conversations=[messages(said("x"))]), "digest:1")
    assert (told.title, told.body, told.url) == ("", "", f"{PAGE}/")
