"""Owns the bodies of the routes about contacts."""

from datetime import datetime

from msgspec import Struct

from shared.api.profile import Bulk
from shared.frames import UserId


class ContactsRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The users who become contacts of the user in the path."""

    user_ids: Bulk[UserId]


class ContactView(Struct, frozen=True, kw_only=True):
    """A contact. `created_at` is the time at which the two became contacts."""

    user_id: str
    name: str | None
    created_at: datetime


class ContactsAnswer(Struct, frozen=True, kw_only=True):
    """A page of contacts, ordered by user id. Pass `next` as `after` to get the next page."""

    contacts: list[ContactView]
    next: str | None
