"""Add a message's progress: the time it was accepted, and the time each mark moved."""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"

MARKS = ("delivered_seq", "read_seq")


def upgrade() -> None:
    op.add_column("messages", sa.Column("accepted_at", sa.BigInteger))
    for mark in MARKS:  # in the reader's own receipt, and only if that mark moved with it
        op.add_column("feed", sa.Column(mark, sa.BigInteger))
        moved = sa.text(f"{mark} IS NOT NULL")
        op.create_index(
            f"feed_by_{mark}",
            "feed",
            ["conversation_id", "user_id", mark],
            sqlite_where=moved,
            postgresql_where=moved,
        )


def downgrade() -> None:
    for mark in MARKS:
        op.drop_index(f"feed_by_{mark}", "feed")
        op.drop_column("feed", mark)
    op.drop_column("messages", "accepted_at")
