"""Owns which messages of their conversations a member may see: the one filter of every read."""


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
    """SQL: how many messages of others that member (an alias of `members`) has not read."""
    return (
        "(SELECT count(*) FROM (SELECT 1 FROM messages AS x"  # noqa: S608 - names, no values
        f" WHERE x.conversation_id = {member}.conversation_id AND x.seq > {member}.read_seq"
        f" AND x.sender_id <> {member}.user_id AND x.deleted_at IS NULL"
        f" AND {visible('x', member)} LIMIT {limit}))"
    )
