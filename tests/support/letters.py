"""Owns the reading of an e-mail as mail clients do."""

from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default

from services.notify.channels.letter import Letter


def read(letter: Letter) -> EmailMessage:
    """Its lines end as those of a text."""
    found = message_from_bytes(letter.content.replace(b"\r\n", b"\n"), policy=default)
    assert isinstance(found, EmailMessage)
    return found
