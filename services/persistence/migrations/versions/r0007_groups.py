"""Groups: a title, who may do what, since when, and what happened to them."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

# An INTEGER primary key is SQLite's row id: the table is its own index.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column("conversations", sa.Column("title", sa.Text))
    op.add_column(
        "conversations", sa.Column("version", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("conversations", sa.Column("created_hash", sa.LargeBinary))
    op.add_column("members", sa.Column("role", sa.Text, nullable=False, server_default="member"))
    for column in ("joined_at", "sent_seq"):
        op.add_column(
            "members", sa.Column(column, sa.BigInteger, nullable=False, server_default="0")
        )
    # Once for all members, whose feeds refer to it. Its ids and those of messages are one sequence.
    op.create_table(
        "group_changes",
        sa.Column("change_id", ID, primary_key=True, autoincrement=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("actor_id", sa.Text, nullable=False),
        sa.Column("user_ids", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )
    op.add_column("feed", sa.Column("change_id", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("feed", "change_id")
    op.drop_table("group_changes")
    for column in ("sent_seq", "joined_at", "role"):
        op.drop_column("members", column)
    for column in ("created_hash", "version", "title"):
        op.drop_column("conversations", column)
