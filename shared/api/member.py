"""Owns the bodies about the members of a group."""

from typing import Annotated

from msgspec import Meta, Struct

from shared.frames import MAX_MEMBERS, Role, UserId


class AddRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """POST /v1/conversations/{id}/members"""

    members: Annotated[list[UserId], Meta(min_length=1, max_length=MAX_MEMBERS)]


class RoleRequest(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """PATCH /v1/conversations/{id}/members/{user_id}"""

    role: Role


class MemberView(Struct, frozen=True, kw_only=True):
    """One member, with how far they got: above 32 members `delivered_seq` follows `read_seq`."""

    user_id: str
    name: str | None
    avatar: str | None
    role: Role
    delivered_seq: int
    read_seq: int


class MembersAnswer(Struct, frozen=True, kw_only=True):
    """GET /v1/conversations/{id}/members, by user id. `next` is the next page's `after`."""

    epoch: str
    cursor: int
    conversation_id: str
    members: list[MemberView]
    next: str | None
