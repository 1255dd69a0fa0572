"""Owns an e-mail: its headers and its parts. Text of users is only in the body, in no header."""

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.utils import format_datetime
from functools import lru_cache
from typing import Any

from msgspec import Struct

from services.notify.channels.headers import head, listing, thread
from services.notify.channels.language import Language
from services.notify.channels.links import Links
from services.notify.channels.parts import alternative
from services.notify.channels.samples import samples
from services.notify.channels.subject import subject
from services.notify.channels.templates import FAULTS, Templates, told
from services.notify.channels.unsubscription import Link, type_of
from services.notify.channels.views import MOST_LISTED, Views
from services.notify.inbox.text import one_line
from services.notify.ladder.content import Content, DigestContent, MessageContent, NoticeContent
from shared.clock import SECOND
from shared.commands import Profile
from shared.errors import SettingError
from shared.settings import Settings


class Letter(Struct, frozen=True):
    """An e-mail. `content` is what is sent, with lines that end in CRLF."""

    to: str
    content: bytes


def sender(text: str) -> Address:
    """The address of the From header. Raises SettingError."""
    try:
        name, _, rest = text.rpartition("<")
        spec = rest.rstrip("> ") if name or rest != text else text.strip()
        address = Address(display_name=name.strip(' "'), addr_spec=spec)
    except (HeaderParseError, ValueError, IndexError):
        address = Address()
    if not address.username or not address.domain or not address.addr_spec.isascii():
        raise SettingError(f"LINKUP_SMTP_FROM={text}: write it as Name <name@example.com>")
    return address


def _no_link(user_id: str, notification_type: str) -> str:
    return ""


class Letters:
    """Raises SettingError for a sender that is none, and for templates that cannot be used."""

    def __init__(
        self, settings: Settings, clock: Callable[[], int], unsubscribe: Link = _no_link
    ) -> None:
        self._from = sender(settings.smtp_from)
        self._sender = str(self._from)
        self._unsubscribe = unsubscribe
        self._links = Links(settings)
        self._templates = Templates(settings)
        self._clock = clock
        if settings.templates:
            self._try()

    def write(self, notification_id: str, profile: Profile, content: Content) -> Letter:
        """Write an e-mail. `profile` must have a usable address. Reads files when a language or a
        time zone is used for the first time."""
        language = self._templates.languages.of(profile.locale)
        link = self._unsubscribe(profile.user_id, type_of(content))
        shown = {"subject": subject(content, language), "unsubscribe": link}
        to = profile.email or ""
        headers = head(
            [
                ("Subject", shown["subject"]),
                ("To", to),
                *self._headers(notification_id, profile.user_id, content, link),
            ]
        )
        shown |= self._shown(profile, content, language)
        text, html = self._templates.render(language, content, shown)
        return Letter(to, headers + alternative(text, html))

    def _headers(
        self, notification_id: str, user_id: str, content: Content, link: str
    ) -> Iterator[tuple[str, str]]:
        domain = self._from.domain
        yield "From", self._sender
        yield "Date", _date(self._clock() // SECOND)
        # A repeat, were there ever one, could be told by it.
        yield "Message-ID", f"<{notification_id}@{domain}>"
        yield "Auto-Submitted", "auto-generated"
        yield from thread(user_id, content, domain)
        yield from listing(type_of(content), link, domain)

    def _try(self) -> None:
        """Write every kind of e-mail in every language, for faults to be told at start."""
        for locale in self._templates.languages.names:
            for profile, content in samples(locale):
                try:
                    self.write("sample", profile, content)
                except FAULTS as error:
                    raise SettingError(f"LINKUP_TEMPLATES: {told(error)}") from None

    def _shown(self, profile: Profile, content: Content, language: Language) -> dict[str, Any]:
        """The values of the templates."""
        views = Views(self._links, language, profile)
        return {
            "brand": self._from.display_name or self._from.domain,
            "home": self._links.home(),
            "name": one_line(profile.name or ""),
            **_about(content, views),
        }


@lru_cache(1)
def _date(second: int) -> str:
    return format_datetime(datetime.fromtimestamp(second, UTC))


def _about(content: Content, views: Views) -> dict[str, Any]:
    match content:
        case MessageContent():
            return {"conversation": views.conversation(content)}
        case NoticeContent():
            return {"notice": views.notice(content)}
        case DigestContent():
            return _listed(content, views)


def _listed(content: DigestContent, views: Views) -> dict[str, Any]:
    """The latest of each. Mail clients cut off what is too long."""
    conversations = sorted(content.conversations, key=_at, reverse=True)
    notices = sorted(content.notices, key=_at, reverse=True)
    left_out = sum(max(0, len(some) - MOST_LISTED) for some in (conversations, notices))
    return {
        "period": content.period,
        "conversations": list(map(views.conversation, conversations[:MOST_LISTED])),
        "notices": list(map(views.notice, notices[:MOST_LISTED])),
        "more": left_out,
    }


def _at(content: MessageContent | NoticeContent) -> int:
    if isinstance(content, NoticeContent):
        return content.created_at
    return content.previews[-1].created_at
