"""Owns the SQL of the transaction. `rows` has its parameters, `queries` the SQL of readers."""

FORGET_LANES = """
DELETE FROM lanes WHERE lane NOT IN (SELECT lane FROM lanes ORDER BY n DESC LIMIT ?1)
"""
LAST = """
SELECT (SELECT coalesce(max(id), 0) FROM (
          SELECT max(message_id) AS id FROM messages
          UNION ALL SELECT max(change_id) FROM group_changes) AS ids),
       (SELECT coalesce(max(n), 0) FROM feed)
"""
LANES = """
SELECT l.lane, l.number, l.results FROM json_each(?1) AS j JOIN lanes AS l ON l.lane = j.value
"""
_MESSAGE = (
    "m.message_id, m.conversation_id, m.seq, m.sender_id, m.client_id, m.content_hash, "
    "m.created_at, m.version, m.reply_to, m.deleted_at"
)
MESSAGES = f"""
SELECT {_MESSAGE} FROM json_each(?1) AS j JOIN messages AS m
  ON m.sender_id = json_extract(j.value, '$[0]') AND m.client_id = json_extract(j.value, '$[1]')
"""  # noqa: S608 - a list of columns
MESSAGES_BY_ID = f"""
SELECT {_MESSAGE} FROM json_each(?1) AS j JOIN messages AS m ON m.message_id = j.value
"""  # noqa: S608 - a list of columns
HIDDEN = """
SELECT h.message_id, h.user_id FROM json_each(?1) AS j JOIN hidden AS h ON h.message_id = j.value
"""
REACTIONS = """
SELECT r.message_id, r.user_id, r.emoji, r.number, r.removed
FROM json_each(?1) AS j JOIN reactions AS r ON r.message_id = j.value
"""
CONVERSATIONS = """
SELECT c.conversation_id, c.kind, c.last_seq, c.last_message_id, c.created_at,
       c.title, c.version, c.created_hash, l.sender_id, coalesce(l.others_seq, l.seq - 1, 0),
       b.user_id, b.delivered_seq, b.read_seq, b.cleared_seq, b.archived, b.muted, b.version,
       b.role, b.joined_at, b.sent_seq, b.blocked, b.recency
FROM json_each(?1) AS j
JOIN conversations AS c ON c.conversation_id = j.value
LEFT JOIN messages AS l ON l.conversation_id = c.conversation_id AND l.seq = c.last_seq
LEFT JOIN members AS b ON b.conversation_id = c.conversation_id
"""
HEADS = """
SELECT h.user_id, h.head, h.rate_at, h.erased
FROM json_each(?1) AS j JOIN heads AS h ON h.user_id = j.value
"""
TICKETS = """
SELECT t.ticket_hash, t.user_id, t.expires_at, t.token_expires_at, t.token_issued_at, t.token_id
FROM json_each(?1) AS j JOIN tickets AS t ON t.ticket_hash = j.value
"""
STANDINGS = """
SELECT s.user_id, s.banned, s.valid_after, s.revoked
FROM json_each(?1) AS j JOIN standings AS s ON s.user_id = j.value
"""
BLOCKS = """
SELECT k.user_id, k.blocked_id FROM json_each(?1) AS j JOIN blocks AS k
  ON k.user_id = json_extract(j.value, '$[0]') AND k.blocked_id = json_extract(j.value, '$[1]')
"""
CONTACTS = """
SELECT k.user_id, k.contact_id FROM json_each(?1) AS j JOIN contacts AS k
  ON k.user_id = json_extract(j.value, '$[0]') AND k.contact_id = json_extract(j.value, '$[1]')
"""
_REPORT = (
    "report_id, reporter_id, user_id, message_id, version, reason, comment, request_hash, "
    "created_at"
)
REPORTS = f"""
SELECT {_REPORT} FROM json_each(?1) AS j JOIN reports ON report_id = j.value
"""  # noqa: S608 - a list of columns
PUT_CONVERSATION = """
INSERT INTO conversations (conversation_id, kind, last_seq, last_message_id, created_at, updated_at,
  title, version, created_hash)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_id) DO UPDATE SET
  last_seq = excluded.last_seq, last_message_id = excluded.last_message_id,
  updated_at = excluded.updated_at, title = excluded.title, version = excluded.version
"""
PUT_MEMBER = """
INSERT INTO members (conversation_id, user_id, delivered_seq, read_seq, updated_at,
  cleared_seq, archived, muted, version, role, joined_at, sent_seq, blocked, recency)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (conversation_id, user_id) DO UPDATE SET
  delivered_seq = excluded.delivered_seq, read_seq = excluded.read_seq,
  updated_at = excluded.updated_at, cleared_seq = excluded.cleared_seq,
  archived = excluded.archived, muted = excluded.muted, version = excluded.version,
  role = excluded.role, joined_at = excluded.joined_at, sent_seq = excluded.sent_seq,
  blocked = excluded.blocked
"""
# Apart: SQLite writes the entry of an index anew when its column is named, changed or not.
BRING_UP_MEMBER = """
UPDATE members SET recency = ?3 WHERE conversation_id = ?1 AND user_id = ?2 AND recency <> ?3
"""
DELETE_MEMBER = "DELETE FROM members WHERE conversation_id = ? AND user_id = ?"
ADD_GROUP_CHANGE = """
INSERT INTO group_changes (change_id, conversation_id, version, kind, actor_id, user_ids,
  created_at)
VALUES (?, ?, ?, ?, ?, ?, ?)
"""
ADD_MESSAGE = """
INSERT INTO messages (message_id, conversation_id, seq, version, sender_id, client_id, content,
  content_hash, created_at, updated_at, reply_to, accepted_at, others_seq)
VALUES (?1, ?2, ?3, 1, ?4, ?5, ?6, ?7, ?8, ?8, ?9, ?10, ?11)
"""
KEEP_VERSION = """
INSERT INTO versions (message_id, version, content, replaced_at)
SELECT message_id, version, content, ?2 FROM messages WHERE message_id = ?1
"""
EDIT_MESSAGE = """
UPDATE messages SET content = ?3, version = ?4, edited_at = ?2, updated_at = ?2
WHERE message_id = ?1
"""
ERASE_MESSAGE = """
UPDATE messages SET content = '', version = ?3, deleted_at = ?2, updated_at = ?2
WHERE message_id = ?1
"""
ERASE_VERSIONS = "DELETE FROM versions WHERE message_id = ?1"
ERASE_REACTIONS = "DELETE FROM reactions WHERE message_id = ?1"
HIDE_MESSAGE = "INSERT INTO hidden (message_id, user_id, created_at) VALUES (?, ?, ?)"
TOUCH_MESSAGE = "UPDATE messages SET version = ?3, updated_at = ?2 WHERE message_id = ?1"
PUT_REACTION = """
INSERT INTO reactions (message_id, number, user_id, emoji, removed, updated_at)
VALUES (?, ?, ?, ?, ?, ?)
ON CONFLICT (message_id, number) DO UPDATE SET
  removed = excluded.removed, updated_at = excluded.updated_at
"""
_ATTACHMENT = (
    "a.attachment_id, a.owner_id, a.state, a.created_at, a.name, a.media_type, a.size, "
    "a.width, a.height, a.thumbnail, a.message_id, a.position"
)
ATTACHMENTS = f"""
SELECT {_ATTACHMENT} FROM json_each(?1) AS j JOIN attachments AS a ON a.attachment_id = j.value
"""  # noqa: S608 - a list of columns
DUE_ATTACHMENTS = f"""
SELECT {_ATTACHMENT} FROM attachments AS a WHERE a.state = 'condemned'
  OR (a.state IN ('reserved', 'uploaded') AND a.created_at < ?1) LIMIT ?2
"""  # noqa: S608 - a list of columns
UNSENT = """
SELECT a.owner_id, count(*) FROM json_each(?1) AS j JOIN attachments AS a
  ON a.owner_id = j.value AND a.state IN ('reserved', 'uploaded') GROUP BY a.owner_id
"""
PUT_ATTACHMENT = """
INSERT INTO attachments (attachment_id, owner_id, state, created_at, name, media_type, size,
  width, height, thumbnail, message_id, position)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
ON CONFLICT (attachment_id) DO UPDATE SET state = excluded.state, name = excluded.name,
  media_type = excluded.media_type, size = excluded.size, width = excluded.width,
  height = excluded.height, thumbnail = excluded.thumbnail, message_id = excluded.message_id,
  position = excluded.position
"""
FORGET_ATTACHMENT = "DELETE FROM attachments WHERE attachment_id = ?"
CONDEMN_ATTACHMENTS = """
UPDATE attachments SET state = 'condemned', name = '', message_id = NULL WHERE message_id = ?1
"""
# Rows of messages are most of the feed: apart, because each parameter bound has its price.
ADD_SAID = """
INSERT INTO feed (n, user_id, cursor, kind, message_id, created_at)
VALUES (?, ?, ?, 'message', ?, ?)
"""
ADD_FEED = """
INSERT INTO feed (n, user_id, cursor, kind, message_id, conversation_id, actor_id, created_at,
  reaction, change_id)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
# Apart, because only this one has these columns.
ADD_OWN_RECEIPT = """
INSERT INTO feed (n, user_id, cursor, kind, conversation_id, actor_id, created_at, delivered_seq,
  read_seq)
VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
"""
PUT_HEAD = """
INSERT INTO heads (user_id, head, rate_at) VALUES (?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET
  head = excluded.head, rate_at = excluded.rate_at
"""
# None keeps what is there, an empty text takes it away.
PUT_USER = """
INSERT INTO users
  (user_id, name, email, time_zone, locale, avatar, created_at, updated_at)
VALUES (?1, nullif(?2, ''), nullif(?3, ''), nullif(?4, ''), nullif(?5, ''), nullif(?6, ''), ?7, ?7)
ON CONFLICT (user_id) DO UPDATE SET
  name = nullif(coalesce(?2, name), ''), email = nullif(coalesce(?3, email), ''),
  time_zone = nullif(coalesce(?4, time_zone), ''), locale = nullif(coalesce(?5, locale), ''),
  avatar = nullif(coalesce(?6, avatar), ''), updated_at = excluded.updated_at
"""
FENCE_LANE = """
INSERT INTO lanes VALUES (?1, ?2, ?3, (SELECT coalesce(max(n), 0) FROM feed))
ON CONFLICT (lane) DO UPDATE SET number = excluded.number, results = excluded.results
"""
TOUCH_USER = """
UPDATE users SET last_seen = ?1 WHERE user_id = ?2 AND coalesce(last_seen, 0) < ?1
"""
PUT_LANE = """
INSERT INTO lanes VALUES (?, ?, ?, ?) ON CONFLICT (lane) DO UPDATE SET
  number = excluded.number, results = excluded.results, n = excluded.n
"""
PUT_BLOCK = "INSERT INTO blocks (user_id, blocked_id, created_at) VALUES (?, ?, ?)"
PUT_CONTACT = """
INSERT INTO contacts (user_id, contact_id, created_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING
"""
DELETE_CONTACT = "DELETE FROM contacts WHERE user_id = ? AND contact_id = ?"
DELETE_BLOCK = "DELETE FROM blocks WHERE user_id = ? AND blocked_id = ?"
ADD_AUDITED = "INSERT INTO audit_log (at, key, route, target, status) VALUES (?, ?, ?, ?, ?)"
# A few of the oldest, if they are from before ?1, or more than ?2 have come since.
PRUNE_AUDIT_LOG = """
DELETE FROM audit_log WHERE entry_id IN (
  SELECT entry_id FROM audit_log WHERE entry_id > 0 ORDER BY entry_id LIMIT 100)
AND (at < ?1 OR entry_id <= (SELECT max(entry_id) FROM audit_log) - ?2)
"""
ADD_REPORT = f"INSERT INTO reports ({_REPORT}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)"  # noqa: S608
NUMBER_REPORT = "INSERT INTO report_numbers (report_id) VALUES (?)"
# For each ticket put, up to that many that nobody came with are taken away.
FORGET_TICKETS = """
DELETE FROM tickets WHERE ticket_hash IN
  (SELECT ticket_hash FROM tickets WHERE expires_at <= ?1 ORDER BY expires_at LIMIT 10)
"""
PUT_TICKET = "INSERT INTO tickets VALUES (?, ?, ?, ?, ?, ?)"
TAKE_TICKET = "DELETE FROM tickets WHERE ticket_hash = ?1"
PUT_STANDING = """
INSERT INTO standings VALUES (?, ?, ?, ?, ?) ON CONFLICT (user_id) DO UPDATE SET
  banned = excluded.banned, valid_after = excluded.valid_after, revoked = excluded.revoked,
  good_at = excluded.good_at
"""
# For each standing put, up to that many that are good again are taken away.
FORGET_STANDINGS = """
DELETE FROM standings WHERE user_id IN
  (SELECT user_id FROM standings WHERE good_at <= ?1 ORDER BY good_at LIMIT 10)
"""
ADD_ERASURE = "INSERT INTO erasures (user_id, asked_at) VALUES (?1, ?2)"
ERASE_HEAD = "UPDATE heads SET erased = true WHERE user_id = ?1"
ERASE_PROFILE = """
UPDATE users SET name = NULL, email = NULL, time_zone = NULL, locale = NULL, avatar = NULL,
  last_seen = NULL, updated_at = ?2 WHERE user_id = ?1
"""
ERASE_NAMES = "DELETE FROM names WHERE user_id = ?1"
FINISH_ERASURE = "UPDATE erasures SET finished_at = ?2 WHERE user_id = ?1"
# No client id begins with a space. Nothing can be held against an empty hash.
DISOWN_MESSAGE = """
UPDATE messages SET client_id = ' ' || message_id, content_hash = x'' WHERE message_id = ?1
"""
