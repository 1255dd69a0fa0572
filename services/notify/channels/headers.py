"""Owns the headers of an e-mail: how they are written, and those with which mail clients thread
e-mails and unsubscribe from them.
"""

import hashlib
from collections.abc import Iterable, Iterator
from email.headerregistry import BaseHeader, HeaderRegistry
from email.policy import SMTP, Policy
from functools import lru_cache
from typing import Any

from services.notify.channels.content import Content, MessageContent

KEPT = 256  # headers with one of a few texts
WHOLE = ("To", "Message-ID", "In-Reply-To", "References", "List-Id", "List-Unsubscribe")


class WholeHeader(BaseHeader):
    """A header of one word, which may neither be folded nor encoded (RFC 5322, RFC 2369)."""

    max_count = 1

    @classmethod
    def parse(cls, value: str, kwds: dict[str, Any]) -> None:
        kwds |= {"parse_tree": None, "decoded": value}

    def fold(self, *, policy: Policy) -> str:
        return f"{self.name}: {self}{policy.linesep}"


class Registry(HeaderRegistry):
    """Makes the class of each header once, not for each e-mail."""

    def __init__(self) -> None:
        super().__init__()
        self._classes: dict[str, type[BaseHeader]] = {}
        for name in WHOLE:
            self.map_to_type(name, WholeHeader)

    def __getitem__(self, name: str) -> type[BaseHeader]:
        if name not in self._classes:
            self._classes[name] = super().__getitem__(name)
        return self._classes[name]


POLICY = SMTP.clone(header_factory=Registry())  # it refuses line breaks in headers


def head(fields: Iterable[tuple[str, str]]) -> bytes:
    return b"".join(
        _field(name, text) if name in WHOLE else _kept(name, text) for name, text in fields
    )


def _field(name: str, text: str) -> bytes:
    return POLICY.fold_binary(*POLICY.header_store_parse(name, text))


_kept = lru_cache(KEPT)(_field)  # parsing and folding one costs more than all the rest


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
