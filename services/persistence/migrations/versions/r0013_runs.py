"""Add the length of each run of one sender's messages, so that unread counts skip one's own."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

LONG = 16  # in a row; a shorter run is walked as before, message by message
# Nobody comes into a run but by its last message.
FILL = f"""
UPDATE messages SET others_seq = ends.begin - 1 FROM (
  SELECT message_id, seq, follower, sender_id,
    max(CASE WHEN leader IS NULL OR leader <> sender_id THEN seq END)
      OVER (PARTITION BY conversation_id ORDER BY seq) AS begin
  FROM (
    SELECT message_id, conversation_id, seq, sender_id,
      lag(sender_id) OVER (PARTITION BY conversation_id ORDER BY seq) AS leader,
      lead(sender_id) OVER (PARTITION BY conversation_id ORDER BY seq) AS follower
    FROM messages) AS neighbours) AS ends
WHERE messages.message_id = ends.message_id AND ends.seq - ends.begin >= {LONG}
  AND (ends.follower IS NULL OR ends.follower <> ends.sender_id)
"""  # noqa: S608 - a number


def upgrade() -> None:
    op.add_column("messages", sa.Column("others_seq", sa.BigInteger))
    op.execute(FILL)


def downgrade() -> None:
    op.drop_column("messages", "others_seq")
