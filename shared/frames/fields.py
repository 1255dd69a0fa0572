"""Owns the types and limits of fields, and the description of each limit for clients."""

import re
from enum import IntEnum
from typing import Annotated, Literal

from msgspec import Meta

MAX_INT = 2**53 - 1  # what JavaScript can count
MAX_FRAME_BYTES = 64 * 1024
MAX_CONTENT = 5_000  # code points
MAX_TITLE = 100  # code points, of a group
MAX_MEMBERS = 500  # of a group
MAX_NAMED = 32  # members whom a frame names, and who are told of each other's *delivered*
MAX_ATTACHMENTS = 10  # of a message
MAX_EMOJI_BYTES = 32  # in UTF-8: a family with skin tones takes 25 to 41, a flag 8

# \Z: $ would also match before a final newline. Half of a surrogate pair reaches no wire.
_CONTROLS = r"\x00-\x1f\x7f-\x9f"
_SURROGATES = r"\ud800-\udfff"
_SPACES = r" \u00a0\u1680\u2000-\u200a\u202f\u205f\u3000"
# What shows nothing: Unicode's Default_Ignorable_Code_Point, and signs that are drawn blank.
_UNSEEN = (
    r"\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f\u202a-\u202e"
    r"\u2060-\u206f\u2800\u3164\ufe00-\ufe0f\ufeff\uffa0\ufff0-\ufffb"
)
UNSEEN_ASTRAL = (
    r"\U00016fe4\U0001bca0-\U0001bca3\U0001d159\U0001d173-\U0001d17a\U000e0000-\U000e0fff"
)

NOTIFICATION_TYPES = (  # a deployment may add its own to these
    "connection_request",
    "connection_accepted",
    "connection_rejected",
    "new_message",
    "message_delivered",
    "message_read",
    "job_application",
    "application_status",
    "new_job_posted",
    "post_liked",
    "post_commented",
    "post_shared",
    "mention",
    "new_follower",
    "follow_accepted",
    "system_announcement",
    "security_alert",
)


def _seen(allowed_before: str, never: str) -> str:
    """Return a pattern for text with something to see in it: first what shows nothing, and then the
    first character that does. No text takes more than one look."""
    unseen = f"{_UNSEEN}{UNSEEN_ASTRAL}"
    blank = f"{allowed_before}{unseen}"
    return rf"^[{blank}]*[^{blank}{never}][^{never}]*\Z"


_NAME = rf"^(?!\.\.?$)[^/{_CONTROLS}{_SURROGATES}]+\Z"  # no URL can end in `.` or `..`
_MARK = rf"^[^{_CONTROLS}{_SURROGATES}]+\Z"
_PRINTABLE = r"^[!-~]+\Z"
_TEXT = _seen(r"\s\x01-\x1f\x7f-\x9f", r"\x00")
_LINE = _seen(_SPACES, rf"{_CONTROLS}\u2028\u2029{_SURROGATES}")
_TEXT_OR_EMPTY = rf"^\Z|{_TEXT}"
_LABEL = _seen(rf"{_SPACES}\u2028\u2029", f"{_CONTROLS}{_SURROGATES}")
_LOWER = r"^[a-z0-9]+\Z"
_WORD = r"^[a-z][a-z0-9_]*\Z"
_SLUG = r"^[a-z0-9][a-z0-9_-]*\Z"
_SECRET = r"^whsec_[A-Za-z0-9+/]+={0,2}\Z"
_CLOCK = r"^(?:[01][0-9]|2[0-3]):[0-5][0-9]\Z"
_ADDRESS = rf"^[^@\s<>,;:{_CONTROLS}{_SURROGATES}]+@[^@\s<>,;:{_CONTROLS}{_SURROGATES}]+\Z"
_ZONE = r"^[A-Za-z0-9_+/-]+\Z"
_LOCALE = r"^[A-Za-z]{2,8}(?:[-_][A-Za-z0-9]{1,8})*\Z"  # as in BCP 47, or with `_`
_HTTPS = r"^https://[!-~]+\Z"
_LINK = r"^(?:https?://[!-~]|/(?![/\\]))[!-~]*\Z"  # a browser takes `/\` for `//`
_SIGN = _seen("", rf"\s{_CONTROLS}{_SURROGATES}")
IN_WORDS = {  # what to tell a client instead of a regular expression
    _NAME: "of at least one character, without control characters or `/`, and not `.` or `..`",
    _MARK: "of at least one character, without control characters",
    _PRINTABLE: "of printable ASCII characters without spaces",
    _LINE: "of one line with a visible character",
    _SIGN: "with a visible character, without control characters or spaces",
    _TEXT: "with a visible character and without NUL",
    _TEXT_OR_EMPTY: "empty, or with a visible character and without NUL",
    _LABEL: "with a visible character and without control characters",
    _LOWER: "of lower-case letters and digits",
    _SLUG: "of lower-case letters, digits, `-` and `_`, beginning with a letter or a digit",
    _SECRET: "of the form whsec_ and 24 to 64 bytes in base64",
    _CLOCK: "of the form HH:MM, from 00:00 to 23:59",
    _ADDRESS: "of the form name@example.com",
    _ZONE: "that names a time zone, such as Europe/Berlin",
    _LOCALE: "that is a language tag, such as pt-BR",
    _HTTPS: "that is a URL with https",
    _LINK: "that is a URL with https or http, or a path that begins with one `/`",
    _WORD: "of lower-case letters, digits and `_`, beginning with a letter",
}

_seen_text = re.compile(_TEXT)


def is_seen(text: str) -> bool:
    """Return whether a text without NUL has a visible character."""
    return _seen_text.match(text) is not None


UserId = Annotated[str, Meta(max_length=128, pattern=_NAME)]
UserIds = Annotated[list[UserId], Meta(max_length=500)]
ConversationId = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
ClientId = Annotated[str, Meta(max_length=100, pattern=_PRINTABLE)]
Content = Annotated[str, Meta(max_length=MAX_CONTENT, pattern=_TEXT)]
Caption = Annotated[str, Meta(max_length=MAX_CONTENT, pattern=_TEXT_OR_EMPTY)]
AttachmentId = Annotated[str, Meta(max_length=64, pattern=_LOWER)]
AttachmentIds = Annotated[list[AttachmentId], Meta(max_length=MAX_ATTACHMENTS)]
DisplayName = Annotated[str, Meta(max_length=128, pattern=_LINE)]
FileName = Annotated[str, Meta(max_length=255, pattern=_LABEL)]
Emoji = Annotated[str, Meta(max_length=MAX_EMOJI_BYTES, pattern=_SIGN)]
Title = Annotated[str, Meta(max_length=MAX_TITLE, pattern=_LINE)]
Role = Literal["owner", "admin", "member"]
Comment = Annotated[str, Meta(max_length=1_000, pattern=_TEXT)]
NotificationId = Annotated[str, Meta(max_length=64, pattern=_LOWER)]
NotificationMark = Annotated[str, Meta(max_length=100, pattern=_PRINTABLE)]
NotificationType = Annotated[str, Meta(max_length=50, pattern=_WORD)]
NotificationTitle = Annotated[str, Meta(max_length=200, pattern=_LINE)]
NotificationBody = Annotated[str, Meta(max_length=1_000, pattern=_TEXT_OR_EMPTY)]
Priority = Literal["low", "normal", "high", "urgent"]
ClockTime = Annotated[str, Meta(max_length=5, pattern=_CLOCK)]
TimeZone = Annotated[str, Meta(max_length=64, pattern=_ZONE)]
ProfileName = Annotated[str, Meta(max_length=1_024, pattern=_LINE)]
EmailAddress = Annotated[str, Meta(max_length=320, pattern=_ADDRESS)]
Locale = Annotated[str, Meta(max_length=64, pattern=_LOCALE)]
HttpsUrl = Annotated[str, Meta(max_length=1_024, pattern=_HTTPS)]
LinkUrl = Annotated[str, Meta(max_length=1_024, pattern=_LINK)]
Digest = Literal["off", "hourly", "daily", "weekly"]
# Of the keys that open /v1/admin: LINKUP_ADMIN_KEY and LINKUP_HOST_KEY.
KeyName = Literal["admin", "host"]
ReportId = Annotated[str, Meta(pattern=r"^r[a-z2-7]{24}\Z")]
Reason = Literal["spam", "harassment", "hate", "violence", "sexual", "self_harm", "fraud", "other"]
Words = Annotated[str, Meta(max_length=200, pattern=_TEXT)]
UserMark = Annotated[str, Meta(max_length=256, pattern=_MARK)]
DeleteMode = Literal["me", "everyone"]
EventType = Literal[
    "message.created",
    "message.edited",
    "message.deleted",
    "message.read",
    "conversation.changed",
    "report.created",
]
EventId = Annotated[str, Meta(max_length=100, pattern=_PRINTABLE)]
WebhookId = Annotated[str, Meta(max_length=50, pattern=_SLUG)]
WebhookSecret = Annotated[str, Meta(max_length=200, pattern=_SECRET)]
PositiveInt = Annotated[int, Meta(ge=1, le=MAX_INT)]
Count = Annotated[int, Meta(ge=0, le=MAX_INT)]
Epoch = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
Change = Literal[
    "begun",
    "cleared",
    "settings",
    "created",
    "renamed",
    "member_added",
    "member_removed",
    "left",
    "role",
]
Token = Annotated[str, Meta(max_length=4096, pattern=_PRINTABLE)]
Device = Annotated[str, Meta(max_length=64, pattern=_PRINTABLE)]
Timestamp = (
    Annotated[int, Meta(ge=-MAX_INT, le=MAX_INT)] | float | Annotated[str, Meta(max_length=64)]
)


class CloseCode(IntEnum):
    """Reasons to close a socket. After 4401, 4404 or 4408, do not reconnect with the same token."""

    LOST = 1006  # never sent: what a socket that just broke off is said to have ended with
    RESTART = 1012
    TRY_AGAIN = 1013
    ASKED = 4000
    SLOW_CONSUMER = 4001
    TOO_MANY = 4029
    UNAUTHORIZED = 4401
    NO_SUCH_USER = 4404
    ABUSE = 4408
