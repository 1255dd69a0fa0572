"""Owns the words of a push: names and text of people, and no other words, so it has no language."""

from services.notify.channels.links import Links
from services.notify.channels.push import Note
from services.notify.inbox.text import one_line, shorten
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent

OF_HOST = "n:"  # how the thread of a notification from the host begins


class Notes:
    def __init__(self, links: Links) -> None:
        self._links = links

    def write(self, thread: str, content: Content) -> Note:
        """`thread`: of the delivery."""
        match content:
            case MessageContent():
                return self._messages(content)
            case NoticeContent():
                return self._notice(thread, content)
            case DigestContent():  # for e-mails; the page has the list
                return Note(title="", body="", url=self._links.home(), tag=thread)

    def _messages(self, content: MessageContent) -> Note:
        """The latest one stands for all of them."""
        latest = content.previews[-1]
        sender = one_line(latest.sender_name or latest.sender_id)
        said = shorten(latest.content)
        group = one_line(content.title or "") if content.kind == "group" else ""
        name = group or sender
        return Note(
            title=f"{name} ({content.unread})" if content.unread > 1 else name,
            body=f"{sender}: {said}" if group else said,
            url=self._links.conversation(content),
            tag=content.conversation_id,
        )

    def _notice(self, thread: str, content: NoticeContent) -> Note:
        return Note(
            title=one_line(content.title),
            body=one_line(content.body),
            url=self._links.action(content.action_url),
            tag=thread,
            notification_id=thread.removeprefix(OF_HOST),
            priority=content.priority,
        )
