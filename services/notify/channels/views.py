"""Owns the values that the templates of an e-mail show, cleaned of what could forge its lines.

docs/notifications.md lists them for deployments that bring templates of their own.
"""

from collections.abc import Iterator, Sequence
from datetime import tzinfo
from itertools import groupby
from zlib import crc32

from msgspec import Struct

from services.notify.channels.language import Language, time_zone
from services.notify.channels.links import Links
from services.notify.inbox.text import initial, one_line, paragraphs, shorten
from services.notify.ladder.content import MessageContent, NoticeContent
from shared.commands import Preview, Profile

MOST_LISTED = 20  # conversations of a digest, and as many notifications

# Behind a white initial, on light and dark cards alike.
COLOURS = ("#0f766e", "#1d5fd1", "#7b3fc4", "#a83279", "#b3402a", "#8a5a00", "#2e7031", "#55606e")


class Line(Struct, frozen=True):
    """One message."""

    text: str
    at: str


class Run(Struct, frozen=True, kw_only=True):
    """Messages that one person wrote in a row."""

    sender: str
    initial: str
    colour: str
    lines: Sequence[Line]

    @property
    def at(self) -> str:
        return self.lines[-1].at


class ConversationView(Struct, frozen=True, kw_only=True):
    """`name`: the title of a group, or the other person. `more`: earlier unread messages."""

    name: str
    is_group: bool
    initial: str
    colour: str
    unread: int
    more: int
    runs: Sequence[Run]
    link: str


class NoticeView(Struct, frozen=True, kw_only=True):
    """`sender`: empty if nobody caused it."""

    title: str
    paragraphs: Sequence[str]
    priority: str
    sender: str
    initial: str
    colour: str
    at: str
    link: str


class Views:
    """The views of one recipient."""

    def __init__(self, links: Links, language: Language, profile: Profile) -> None:
        self._links = links
        self._language = language
        self._zone: tzinfo = time_zone(profile.time_zone)

    def conversation(self, content: MessageContent) -> ConversationView:
        runs = list(self._runs(content.previews))
        is_group = content.kind == "group"
        name = (is_group and one_line(content.title or "")) or runs[-1].sender
        key = content.conversation_id if is_group else content.previews[-1].sender_id
        return ConversationView(
            name=name,
            is_group=is_group,
            initial=initial(name),
            colour=_colour(key),
            unread=content.unread,
            more=max(0, content.unread - len(content.previews)),
            runs=runs,
            link=self._links.conversation(content),
        )

    def notice(self, content: NoticeContent) -> NoticeView:
        sender = one_line(content.sender_name or content.sender_id)
        return NoticeView(
            title=one_line(content.title),
            paragraphs=paragraphs(content.body),
            priority=content.priority,
            sender=sender,
            initial=initial(sender),
            colour=_colour(content.sender_id),
            at=self._language.moment(content.created_at, self._zone),
            link=self._links.action(content.action_url),
        )

    def _runs(self, previews: Sequence[Preview]) -> Iterator[Run]:
        for sender_id, said in groupby(previews, lambda preview: preview.sender_id):
            own = list(said)
            sender = one_line(own[-1].sender_name or sender_id)
            yield Run(
                sender=sender,
                initial=initial(sender),
                colour=_colour(sender_id),
                lines=[self._line(preview) for preview in own],
            )

    def _line(self, preview: Preview) -> Line:
        at = self._language.moment(preview.created_at, self._zone)
        return Line(shorten(preview.content), at)


def _colour(key: str) -> str:
    return COLOURS[crc32(key.encode()) % len(COLOURS)]
