"""Owns the rules of the audit, as SQL that selects the rows which violate them.

The store is walked in places: each table in the order of a key of three parts, a page at a time. A
rule sees one page in one snapshot, so what is written meanwhile never looks like a fault, and a
prefix that was pruned is none: the walk begins with the first row that is kept.
"""

from typing import NamedTuple

Place = tuple[int | str | bytes, int | str, int]

LOWEST = -(2**63)
HIGHEST = 2**63 - 1
BEHIND_ALL_TEXT: Place = (b"", 0, 0)  # to SQLite any bytes come after any text
BEHIND_ALL_NUMBERS: Place = (HIGHEST, HIGHEST, 0)


class Walk(NamedTuple):
    """A table in the order of a key. `page_end` selects where a page of `:rows` rows after the
    place `:a1, :a2, :a3` ends, and no row where fewer are left. Each of `rules` selects kind,
    conversation, user, message and number of what is broken up to the place `:u1, :u2, :u3`."""

    name: str
    begin: Place
    behind: Place
    size: str
    page_end: str
    rules: tuple[str, ...]
    slow: bool = False


_ORDER = "(conversation_id, seq, message_id)"
MESSAGES = Walk(
    "messages",
    ("", 0, 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM messages",
    f"""
SELECT conversation_id, seq, message_id FROM messages WHERE {_ORDER} > (:a1, :a2, :a3)
ORDER BY conversation_id, seq, message_id LIMIT 1 OFFSET :rows - 1
""",  # noqa: S608 - a list of columns
    (
        f"""
SELECT CASE WHEN seq = prior THEN 'seq_twice' ELSE 'seq_hole' END,
       conversation_id, NULL, message_id, CASE WHEN seq = prior THEN seq ELSE prior + 1 END
FROM (
  SELECT conversation_id, seq, message_id,
         lag(seq) OVER (PARTITION BY conversation_id ORDER BY seq, message_id) AS prior
  FROM messages WHERE {_ORDER} >= (:a1, :a2, :a3) AND {_ORDER} <= (:u1, :u2, :u3))
WHERE seq <> prior + 1
""",  # noqa: S608 - a list of columns
    ),
)
CONVERSATIONS = Walk(
    "conversations",
    ("", 0, 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM conversations",
    """
SELECT conversation_id, 0, 0 FROM conversations WHERE conversation_id > :a1
ORDER BY conversation_id LIMIT 1 OFFSET :rows - 1
""",
    (
        """
SELECT CASE WHEN last < last_seq THEN 'seq_hole' ELSE 'last_seq_behind' END,
       conversation_id, NULL, NULL, CASE WHEN last < last_seq THEN last + 1 ELSE last_seq END
FROM (
  SELECT c.conversation_id, c.last_seq,
         (SELECT max(m.seq) FROM messages AS m WHERE m.conversation_id = c.conversation_id) AS last
  FROM conversations AS c WHERE c.conversation_id > :a1 AND c.conversation_id <= :u1)
WHERE last <> last_seq
""",
    ),
)
_MEMBERS = """
FROM members AS b JOIN conversations AS c ON c.conversation_id = b.conversation_id
WHERE (b.conversation_id, b.user_id) > (:a1, :a2) AND (b.conversation_id, b.user_id) <= (:u1, :u2)
"""
MEMBERS = Walk(
    "members",
    ("", "", 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM members",
    """
SELECT conversation_id, user_id, 0 FROM members WHERE (conversation_id, user_id) > (:a1, :a2)
ORDER BY conversation_id, user_id LIMIT 1 OFFSET :rows - 1
""",
    (
        f"""
SELECT 'delivered_above_last', b.conversation_id, b.user_id, NULL, b.delivered_seq {_MEMBERS}
AND b.delivered_seq > c.last_seq
""",
        f"""
SELECT 'read_above_delivered', b.conversation_id, b.user_id, NULL, b.read_seq {_MEMBERS}
AND b.read_seq > b.delivered_seq
""",
    ),
)
FEED = Walk(
    "feeds",
    ("", 0, 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM feed",
    """
SELECT user_id, cursor, 0 FROM feed WHERE (user_id, cursor) > (:a1, :a2)
ORDER BY user_id, cursor LIMIT 1 OFFSET :rows - 1
""",
    (
        """
SELECT 'cursor_hole', NULL, user_id, NULL, prior + 1
FROM (
  SELECT user_id, cursor, lag(cursor) OVER (PARTITION BY user_id ORDER BY cursor) AS prior
  FROM feed WHERE (user_id, cursor) >= (:a1, :a2) AND (user_id, cursor) <= (:u1, :u2))
WHERE cursor > prior + 1
""",
        """
SELECT 'feed_row_without_message', f.conversation_id, f.user_id, f.message_id, f.cursor
FROM feed AS f LEFT JOIN messages AS m ON m.message_id = f.message_id
WHERE (f.user_id, f.cursor) > (:a1, :a2) AND (f.user_id, f.cursor) <= (:u1, :u2)
  AND f.message_id IS NOT NULL AND m.message_id IS NULL
""",
        """
SELECT DISTINCT 'head_below_cursor', NULL, f.user_id, NULL, 0
FROM feed AS f LEFT JOIN heads AS h ON h.user_id = f.user_id
WHERE (f.user_id, f.cursor) > (:a1, :a2) AND (f.user_id, f.cursor) <= (:u1, :u2)
  AND h.user_id IS NULL
""",
    ),
)
HEADS = Walk(
    "heads",
    ("", 0, 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM heads",
    "SELECT user_id, 0, 0 FROM heads WHERE user_id > :a1 ORDER BY user_id LIMIT 1 OFFSET :rows - 1",
    (
        """
SELECT CASE WHEN head < last THEN 'head_below_cursor' ELSE 'cursor_hole' END,
       NULL, user_id, NULL, CASE WHEN head < last THEN head ELSE last + 1 END
FROM (
  SELECT h.user_id, h.head,
         (SELECT max(f.cursor) FROM feed AS f WHERE f.user_id = h.user_id) AS last
  FROM heads AS h WHERE h.user_id > :a1 AND h.user_id <= :u1)
WHERE head <> last
""",
    ),
)
# The rows of a message stand together in the order of the commits, a row a member. A page ends
# behind such a run. The place is the last `n` and the last message seen; -1: none is known, since
# what came before was pruned, perhaps within a run.
_PRUNED = "(SELECT min(n) FROM feed) > :a1 + 1"
LOG = Walk(
    "log",
    (0, 0, 0),
    BEHIND_ALL_NUMBERS,
    "SELECT coalesce((SELECT max(n) FROM feed) - (SELECT min(n) FROM feed) + 1, 0)",
    f"""
WITH page AS MATERIALIZED (
  SELECT n, CASE WHEN kind = 'message' THEN message_id END AS said
  FROM feed WHERE n > :a1 ORDER BY n LIMIT :rows + 1)
SELECT max(n), coalesce(max(said), CASE WHEN {_PRUNED} THEN -1 ELSE :a2 END), 0
FROM (
  SELECT n, said, lead(n) OVER (ORDER BY n) AS next, lead(said) OVER (ORDER BY n) AS next_said
  FROM page)
WHERE next IS NOT NULL AND (said IS NULL OR next_said IS NOT said)
HAVING (SELECT count(*) FROM page) > :rows AND max(n) IS NOT NULL
""",  # noqa: S608 - a constant
    (
        f"""
WITH page AS MATERIALIZED (
  SELECT user_id, message_id, n FROM feed
  WHERE n > :a1 AND n <= :u1 AND kind = 'message'),
known (message_id) AS (
  SELECT CASE WHEN {_PRUNED} OR :a2 < 0 THEN (SELECT min(message_id) FROM page) ELSE :a2 END)
SELECT 'member_without_feed_row', m.conversation_id, b.user_id, m.message_id, m.seq
FROM known JOIN messages AS m ON m.message_id > known.message_id AND m.message_id <= :u2
JOIN members AS b ON b.conversation_id = m.conversation_id AND b.joined_at < m.created_at
LEFT JOIN page AS p ON p.message_id = m.message_id AND p.user_id = b.user_id
WHERE p.n IS NULL AND b.user_id NOT IN (SELECT user_id FROM erasures) AND NOT EXISTS (
  SELECT 1 FROM group_changes AS g, json_each(g.user_ids) AS j
  WHERE g.change_id > m.message_id AND g.conversation_id = m.conversation_id
    AND g.kind = 'member_added' AND j.value = b.user_id)
""",  # noqa: S608 - a constant
    ),
)
_ONCE = "(sender_id, client_id, message_id)"
CLIENT_IDS = Walk(
    "client ids",
    ("", "", 0),
    BEHIND_ALL_TEXT,
    "SELECT count(*) FROM messages",
    f"""
SELECT sender_id, client_id, message_id FROM messages WHERE {_ONCE} > (:a1, :a2, :a3)
ORDER BY sender_id, client_id, message_id LIMIT 1 OFFSET :rows - 1
""",  # noqa: S608 - a list of columns
    (
        f"""
SELECT 'client_id_twice', m.conversation_id, m.sender_id, m.message_id, NULL
FROM (
  SELECT message_id,
         lag(message_id) OVER (PARTITION BY sender_id, client_id ORDER BY message_id) AS prior
  FROM messages WHERE {_ONCE} >= (:a1, :a2, :a3) AND {_ONCE} <= (:u1, :u2, :u3)) AS twice
JOIN messages AS m ON m.message_id = twice.message_id WHERE prior IS NOT NULL
""",  # noqa: S608 - a list of columns
    ),
    slow=True,
)
WORDS = Walk(
    "search index",
    (LOWEST, 0, 0),
    BEHIND_ALL_NUMBERS,
    "SELECT count(*) FROM words",
    """
SELECT word, message_id, 0 FROM words WHERE (word, message_id) > (:a1, :a2)
ORDER BY word, message_id LIMIT 1 OFFSET :rows - 1
""",
    (
        """
SELECT DISTINCT 'erased_text_indexed', m.conversation_id, NULL, w.message_id, NULL
FROM words AS w LEFT JOIN messages AS m ON m.message_id = w.message_id
WHERE (w.word, w.message_id) > (:a1, :a2) AND (w.word, w.message_id) <= (:u1, :u2)
  AND (m.message_id IS NULL OR m.deleted_at IS NOT NULL)
""",
    ),
    slow=True,
)
WALKS = (CONVERSATIONS, MESSAGES, MEMBERS, HEADS, FEED, LOG, CLIENT_IDS, WORDS)
