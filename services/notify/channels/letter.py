"""Owns the text of an e-mail. Text of users is only in its body, never in a header."""

from collections.abc import Callable
from datetime import UTC, datetime, tzinfo
from email.errors import HeaderParseError
from email.headerregistry import Address
from email.message import EmailMessage
from email.utils import format_datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote
from zoneinfo import ZoneInfo

from jinja2 import Environment, FileSystemLoader, StrictUndefined, select_autoescape

from shared.commands import MarksRow, Preview
from shared.errors import SettingError
from shared.settings import Settings

TEMPLATES = Path(__file__).parent.parent / "templates"
PREVIEW_LENGTH = 100
JOINERS = "\u200c\u200d"  # not printable by themselves, but scripts and emoji need them


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


class Letters:
    def __init__(self, settings: Settings, clock: Callable[[], int]) -> None:
        self._from = sender(settings.smtp_from)
        self._public_url = settings.public_url.rstrip("/")
        self._clock = clock
        templates = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=select_autoescape(("html",)),
            undefined=StrictUndefined,
            keep_trailing_newline=True,
        )
        self._text = templates.get_template("unread.txt")
        self._html = templates.get_template("unread.html")

    def write(self, notification_id: str, marks: MarksRow) -> EmailMessage:
        """`marks` holds a usable address and at least one preview."""
        subject = "1 unread message" if marks.unread == 1 else f"{marks.unread} unread messages"
        letter = EmailMessage()  # its default policy refuses line breaks in headers
        letter["Subject"] = subject
        letter["From"] = self._from
        letter["To"] = Address(addr_spec=marks.profile.email or "")
        letter["Date"] = format_datetime(datetime.fromtimestamp(self._clock() / 1e6, UTC))
        # A repeat, were there ever one, could be told by it.
        letter["Message-ID"] = f"<{notification_id}@{self._from.domain}>"
        letter["Auto-Submitted"] = "auto-generated"
        values = self._values(subject, marks)
        letter.set_content(self._text.render(values))
        letter.add_alternative(self._html.render(values), subtype="html")
        return letter

    def _values(self, subject: str, marks: MarksRow) -> dict[str, Any]:
        zone = time_zone(marks.profile.time_zone)
        return {
            "subject": subject,
            "name": one_line(marks.profile.name or ""),
            "previews": [_preview(preview, zone) for preview in marks.previews],
            "more": max(0, marks.unread - len(marks.previews)),
            "group": one_line(marks.title or "") if marks.kind == "group" else "",
            "link": self._link(marks),
        }

    def _link(self, marks: MarksRow) -> str:
        """To the other side's page; a group has none of its own yet."""
        if not self._public_url or marks.kind == "group":
            return f"{self._public_url}/" if self._public_url else ""
        return f"{self._public_url}/chat/{quote(marks.previews[-1].sender_id, safe='')}/"


def _preview(preview: Preview, zone: tzinfo) -> dict[str, str]:
    at = datetime.fromtimestamp(preview.created_at / 1e6, zone)
    return {
        "sender": one_line(preview.sender_name or preview.sender_id),
        "text": shorten(preview.content),
        "at": at.strftime("%Y-%m-%d %H:%M %Z"),
    }


def shorten(content: str) -> str:
    text = one_line(content)
    return text if len(text) <= PREVIEW_LENGTH else text[:PREVIEW_LENGTH].rstrip() + "…"


def one_line(text: str) -> str:
    """Without line breaks of any script and without controls, which could forge what follows."""
    words = " ".join(text.split())
    return "".join(letter for letter in words if letter.isprintable() or letter in JOINERS)


def time_zone(name: str | None) -> tzinfo:
    try:
        return ZoneInfo(name or "UTC")
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of zones
        return UTC
