"""Add the later events of a message: replies, edits, reactions, deletions."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("messages", sa.Column("reply_to", sa.BigInteger))
    op.add_column("messages", sa.Column("edited_at", sa.BigInteger))
    op.add_column("messages", sa.Column("deleted_at", sa.BigInteger))
    op.create_table(
        "versions",  # what a message said before each of its edits
        sa.Column("message_id", sa.BigInteger, primary_key=True),
        sa.Column("version", sa.BigInteger, primary_key=True),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("replaced_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # A removed reaction keeps its row: the feed refers to it by number, and never holds an emoji.
    op.create_table(
        "reactions",
        sa.Column("message_id", sa.BigInteger, primary_key=True),
        sa.Column("number", sa.BigInteger, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("emoji", sa.Text, nullable=False),
        sa.Column("removed", sa.Boolean, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("reactions_once", "reactions", ["message_id", "user_id", "emoji"], unique=True)
    op.create_table(
        "hidden",  # what a user deleted for themselves alone
        sa.Column("message_id", sa.BigInteger, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.add_column("feed", sa.Column("reaction", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("feed", "reaction")
    for table in ("hidden", "reactions", "versions"):
        op.drop_table(table)
    for column in ("deleted_at", "edited_at", "reply_to"):
        op.drop_column("messages", column)
