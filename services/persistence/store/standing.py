"""Owns the form in which the standing of a user is stored."""

from collections.abc import Sequence
from typing import Any

import msgspec

from shared.commands import Standing


def standing(row: Sequence[Any]) -> Standing:
    """Return the standing that the columns banned, valid_after and revoked hold."""
    banned, valid_after, revoked = row
    return Standing(bool(banned), valid_after, msgspec.json.decode(revoked, type=dict[str, int]))
