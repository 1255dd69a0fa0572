"""Owns sample contents: with them, the templates of a deployment are tried before it starts."""

from collections.abc import Iterator

from services.notify.channels.views import MOST_LISTED
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from shared.commands import Preview, Profile

AT = 1_700_000_000_000_000


def samples(locale: str) -> Iterator[tuple[Profile, Content]]:
    """Yield each kind of e-mail with everything it can have, and with as little as it can have."""
    somebody = {"user_id": "bob", "email": "bob@example.com", "locale": locale}
    named = Profile(**somebody, name="Bob", time_zone="Europe/Paris")
    nameless = Profile(**somebody)
    group = _conversation(kind="group", title="Team", unread=9, senders=2)
    for content in (group, _notice(), _long(group)):
        yield named, content
    both = DigestContent(period="weekly", conversations=[_conversation()], notices=[_notice()])
    bare = NoticeContent(notification_type="mention", title="Title", created_at=AT)
    for content in (_conversation(), bare, both):
        yield nameless, content


def _long(group: MessageContent) -> DigestContent:
    return DigestContent(period="daily", conversations=[group] * (MOST_LISTED + 1))


def _conversation(
    kind: str = "direct", title: str | None = None, unread: int = 1, senders: int = 1
) -> MessageContent:
    said = (("ann", "Ann", "Hello"), ("ann", "Ann", "there"), ("carl", None, "Hi"))
    previews = [
        Preview(sender_id=sender, sender_name=name, content=text, seq=seq, created_at=AT)
        for seq, (sender, name, text) in enumerate(said, 1)
    ]
    return MessageContent(
        conversation_id="c",
        kind=kind,
        title=title,
        unread=unread,
        senders=senders,
        previews=previews if kind == "group" else previews[:1],
    )


def _notice() -> NoticeContent:
    return NoticeContent(
        notification_type="post_commented",
        priority="urgent",
        title="Ann commented on your post",
        body="First line\nSecond line",
        action_url="https://app.example.com/posts/1",
        sender_id="ann",
        sender_name="Ann",
        created_at=AT,
    )
