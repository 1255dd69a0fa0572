"""Owns reading the key that signs URLs."""

from services.persistence.queries.source import Source
from shared.commands import LinkKeyAnswer

KEY = "SELECT value FROM meta WHERE key = 'link_key'"


def link_key(source: Source) -> LinkKeyAnswer:
    [(key,)] = source.fetch(KEY)
    return LinkKeyAnswer(key=bytes.fromhex(key))
