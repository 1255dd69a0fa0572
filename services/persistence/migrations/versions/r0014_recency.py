"""A user's conversations in the order of what happened last, so that an inbox costs a page."""

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"

STRETCH = 256
# Conversations that exist are placed below all that come: the newest at -1, as many of each number.
RANK = f"""
UPDATE members SET recency = -1 - ranked.place / {STRETCH} FROM (
  SELECT b.conversation_id, b.user_id, row_number()
    OVER (PARTITION BY b.user_id ORDER BY c.last_message_id DESC) - 1 AS place
  FROM members AS b JOIN conversations AS c ON c.conversation_id = b.conversation_id) AS ranked
WHERE members.conversation_id = ranked.conversation_id AND members.user_id = ranked.user_id
"""  # noqa: S608 - a number


def upgrade() -> None:
    op.add_column(
        "members", sa.Column("recency", sa.BigInteger, nullable=False, server_default="0")
    )
    op.execute(RANK)
    op.create_index("members_by_recency", "members", ["user_id", "recency"])
    op.drop_index("members_of_user", "members")  # the other begins with the same column


def downgrade() -> None:
    op.create_index("members_of_user", "members", ["user_id", "conversation_id"])
    op.drop_index("members_by_recency", "members")
    op.drop_column("members", "recency")
