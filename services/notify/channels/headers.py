"""Owns the headers of an e-mail: how they are written, and those with which mail clients thread
e-mails and unsubscribe from them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from email.policy import SMTP
from functools import lru_cache

from services.notify.ladder.content import Content, MessageContent

KEPT = 256  # headers that are remembered: there are few texts
WHOLE = ("To", "Message-ID", "In-Reply-To", "References", "List-Id", "List-Unsubscribe")


def head(fields: Iterable[tuple[str, str]]) -> bytes:
    """Raises ValueError for a line break."""
    return b"".join(
        _whole(name, text) if name in WHOLE else _folded(name, text) for name, text in fields
    )


def _whole(name: str, text: str) -> bytes:
    """A header of one word, which may neither be folded nor encoded (RFC 5322, RFC 2369)."""
    if not (text.isascii() and text.isprintable()):
        raise ValueError(f"{name} cannot be written as it is")
    return f"{name}: {text}\r\n".encode("ascii")


@lru_cache(KEPT)  # parsing and folding one costs more than all the rest of an e-mail
def _folded(name: str, text: str) -> bytes:
    return SMTP.fold_binary(*SMTP.header_store_parse(name, text.strip()))


def thread(user_id: str, content: Content, domain: str) -> Iterator[tuple[str, str]]:
    """Yield the headers that keep the e-mails about one conversation together: all of them answer
    one that was never sent, whose id is the same each time."""
    if isinstance(content, MessageContent):
        about = f"{user_id}\x00{content.conversation_id}".encode()
        root = hashlib.blake2b(about, digest_size=16, person=b"linkup.thread").hexdigest()
        for name in ("In-Reply-To", "References"):
            yield name, f"<{root}@{domain}>"


def listing(notification_type: str, link: str, domain: str) -> Iterator[tuple[str, str]]:
    """Yield the headers of a list (RFC 2919, RFC 2369). One click (RFC 8058) needs https."""
    yield "List-Id", f"<{notification_type or 'digest'}.{domain}>"
    if link:
        yield "List-Unsubscribe", f"<{link}>"
    if link.startswith("https://"):
        yield "List-Unsubscribe-Post", "List-Unsubscribe=One-Click"
