"""Owns the bodies of the member routes."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.frames import MAX_MEMBERS, Role, UserId


class AddRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The users to add."""

    members: Annotated[list[UserId], Meta(min_length=1, max_length=MAX_MEMBERS)]


class RoleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The new role."""

    role: Role


class MemberView(Struct, frozen=True, kw_only=True):
    """A member with their role and marks.

    In a group of more than 32 members, `delivered_seq` equals `read_seq`.
    """

    user_id: str
    name: str | None
    avatar: str | None
    role: Role
    delivered_seq: int
    read_seq: int


class MembersAnswer(Struct, frozen=True, kw_only=True):
    """A page of members, ordered by user id. Pass `next` as `after` to get the next page."""

    epoch: str
    cursor: int
    conversation_id: str
    members: list[MemberView]
    next: str | None
