"""Owns reading a conversation back, page by page."""

import urllib.parse
from collections.abc import Iterator

import msgspec
from msgspec import Struct

from linkup.calls import CallFailed, Refused, fetched, request

PAGE = 100


class StoredMessage(Struct, frozen=True):
    message_id: int
    seq: int
    sender_id: str
    client_id: str
    content: str


class Page(Struct, frozen=True):
    messages: list[StoredMessage]
    has_more: bool


def history(url: str, token: str, conversation_id: str) -> list[StoredMessage]:
    """Return a whole conversation, oldest message first. Raises CallFailed."""
    pages = list(_pages_back(url.rstrip("/"), token, conversation_id))
    return [message for page in reversed(pages) for message in page]


def _pages_back(url: str, token: str, conversation_id: str) -> Iterator[list[StoredMessage]]:
    name = urllib.parse.quote(conversation_id, safe="")
    query = f"limit={PAGE}"
    while True:
        asked = request("GET", f"{url}/v1/conversations/{name}/messages?{query}", token)
        try:
            page = msgspec.json.decode(fetched(asked), type=Page)
        except Refused as error:
            raise CallFailed(f"GET /v1/conversations/…/messages: {error}") from None
        yield page.messages
        if not page.has_more or not page.messages:
            return
        query = f"limit={PAGE}&before_id={page.messages[0].message_id}"
