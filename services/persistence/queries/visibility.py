"""Owns visibility in SQL: the messages that a member may see, and users hidden from each other."""


def visible(message: str, member: str) -> str:
    """Return SQL that is true where that member (an alias of `members`) may see that message (of
    `messages`).

    Who is no member has no such row. A member sees nothing of what they have cleared, or deleted
    for themselves.
    """
    return f"({message}.seq > {member}.cleared_seq AND {_kept(message, member)})"


def _kept(message: str, member: str) -> str:
    return (
        "NOT EXISTS (SELECT 1 FROM hidden AS hid"  # noqa: S608 - names, no values
        f" WHERE hid.message_id = {message}.message_id AND hid.user_id = {member}.user_id)"
    )


def unread(member: str, limit: str) -> str:
    """Return SQL for how many messages of others that member (an alias of `members`) has not read.
    Where they block the other side nothing waits to be read."""
    found = others(member, f"{member}.read_seq", "coalesce(r.others_seq, r.seq - 1)")
    found += f" AND NOT {member}.blocked LIMIT {limit}"
    return f"(SELECT count(*) FROM (SELECT 1 {found}))"  # noqa: S608 - names, no values


def newest_unread(member: str, above: str, limit: str) -> str:
    """Return SQL for the ids of the newest messages of others above that seq which that member may
    see."""
    mine = f"r.sender_id = {member}.user_id"
    one_by_one = f"CASE WHEN {mine} THEN coalesce(r.others_seq, r.seq - 1) ELSE r.seq - 1 END"
    return f"SELECT x.message_id {others(member, above, one_by_one)} LIMIT {limit}"


def others(member: str, above: str, below: str) -> str:
    """Return SQL that begins with FROM: messages `x` of others which that member may see, above a
    seq. It never steps through the member's own.
    """
    above = f"max({above}, {member}.cleared_seq)"  # one bound: given two, SQLite may take either
    return (
        f"FROM {runs(f'{member}.conversation_id', above, below)}"
        f" CROSS JOIN messages AS x ON x.conversation_id = {member}.conversation_id"
        f" AND x.seq > max(run.below, {above}) AND x.seq <= run.top"
        f" WHERE run.sender_id <> {member}.user_id AND x.deleted_at IS NULL"
        f" AND {_kept('x', member)}"
    )


def runs(conversation_id: str, above: str, below: str) -> str:
    """Return SQL for the runs of a conversation above a seq, the newest first, as a table `run`.

    A run is what one sender said in a row, from the seq after `below` up to `top`. The argument
    `below` is where the run of a message `r` began after.
    """
    place = f"r.conversation_id = {conversation_id}"
    columns = f"r.seq, {below}, r.sender_id"
    return (
        "(WITH RECURSIVE run (top, below, sender_id) AS ("  # noqa: S608 - names, no values
        f" SELECT * FROM (SELECT {columns} FROM messages AS r WHERE {place} AND r.seq > {above}"
        " ORDER BY r.seq DESC LIMIT 1)"
        f" UNION ALL SELECT {columns} FROM run JOIN messages AS r ON {place}"
        f" AND r.seq = run.below WHERE run.below > {above}) SELECT * FROM run) AS run"
    )


def apart(one: str, other: str) -> str:
    """Return SQL that is true where one of these two users (expressions) blocks the other."""
    pairs = ((one, other), (other, one))
    found = (
        "EXISTS (SELECT 1 FROM blocks AS apt"  # noqa: S608 - names, no values
        f" WHERE apt.user_id = {a} AND apt.blocked_id = {b})"
        for a, b in pairs
    )
    return f"({' OR '.join(found)})"
