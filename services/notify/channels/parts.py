"""Owns the body of an e-mail: its text and its HTML, as parts in quoted-printable."""

from binascii import b2a_qp
from email.message import EmailMessage, MIMEPart
from email.policy import SMTP
from functools import lru_cache

# In quoted-printable, "=" is never followed by "_": no text can contain the boundary (RFC 2045).
BOUNDARY = "=_linkup"
PLACE = "(a part)"
KEPT = 1024  # lines whose encoding is remembered
LONG = 1024  # bytes of a line that is not remembered


def _frame() -> list[bytes]:
    """Return the bytes before, between and after the parts, which are the same in all e-mails."""
    letter = EmailMessage(SMTP)
    letter["MIME-Version"] = "1.0"
    letter["Content-Type"] = f'multipart/alternative; boundary="{BOUNDARY}"'
    letter.set_payload([_part("plain"), _part("html")])
    return letter.as_bytes().split(PLACE.encode())


def _part(subtype: str) -> MIMEPart:
    part = MIMEPart(SMTP)
    part["Content-Type"] = f'text/{subtype}; charset="utf-8"'
    part["Content-Transfer-Encoding"] = "quoted-printable"
    part.set_payload(PLACE)
    return part


BEFORE, BETWEEN, AFTER = _frame()


def alternative(text: str, html: str) -> bytes:
    """Return the body with the headers that describe it."""
    return b"".join((BEFORE, _encoded(text), BETWEEN, _encoded(html), AFTER))


def _encoded(text: str) -> bytes:
    lines = text.encode().splitlines()
    return b"".join([_kept(line) if len(line) < LONG else _quoted(line) for line in lines])


def _quoted(line: bytes) -> bytes:
    return b2a_qp(line + b"\r\n")


_kept = lru_cache(KEPT)(_quoted)  # most lines of the HTML part are the same in all e-mails
