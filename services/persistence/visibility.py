"""Owns which messages of their conversations a member may see: the one filter of every read; and
which users must not know of each other."""


def visible(message: str, member: str) -> str:
    """SQL, true where that member (an alias of `members`) may see that message (of `messages`).

    Who is no member has no such row. A member sees nothing of what they have cleared, or deleted
    for themselves.
    """
    return (
        f"({message}.seq > {member}.cleared_seq AND NOT EXISTS"  # noqa: S608 - names, no values
        " (SELECT 1 FROM hidden AS hid"
        f" WHERE hid.message_id = {message}.message_id AND hid.user_id = {member}.user_id))"
    )


def unread(member: str, limit: str) -> str:
    """SQL: how many messages of others that member (an alias of `members`) has not read. Where
    they block the other side nothing waits to be read."""
    return (
        f"(SELECT count(*) FROM (SELECT 1 FROM messages AS x WHERE NOT {member}.blocked AND"  # noqa: S608 - names, no values
        f" x.conversation_id = {member}.conversation_id AND x.seq > {member}.read_seq"
        f" AND x.sender_id <> {member}.user_id AND x.deleted_at IS NULL"
        f" AND {visible('x', member)} LIMIT {limit}))"
    )


def apart(one: str, other: str) -> str:
    """SQL, true where one of these two users (expressions) blocks the other."""
    pairs = ((one, other), (other, one))
    found = (
        "EXISTS (SELECT 1 FROM blocks AS apt"  # noqa: S608 - names, no values
        f" WHERE apt.user_id = {a} AND apt.blocked_id = {b})"
        for a, b in pairs
    )
    return f"({' OR '.join(found)})"
