"""Owns which messages of their conversations a user may see: the one filter of every read."""


def visible(message: str, user_id: str) -> str:
    """SQL, true where that user (an expression) may see that message (an alias of `messages`).

    Who is no member is kept out before; here is what a member has deleted for themselves.
    """
    return (
        "NOT EXISTS (SELECT 1 FROM hidden AS hid"  # noqa: S608 - names, no values
        f" WHERE hid.message_id = {message}.message_id AND hid.user_id = {user_id})"
    )


def unread(member: str, limit: str) -> str:
    """SQL: how many messages of others that member (an alias of `members`) has not read."""
    return (
        "(SELECT count(*) FROM (SELECT 1 FROM messages AS x"  # noqa: S608 - names, no values
        f" WHERE x.conversation_id = {member}.conversation_id AND x.seq > {member}.read_seq"
        f" AND x.sender_id <> {member}.user_id AND x.deleted_at IS NULL"
        f" AND {visible('x', f'{member}.user_id')} LIMIT {limit}))"
    )
