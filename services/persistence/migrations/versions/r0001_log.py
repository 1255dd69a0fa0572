"""The log: users, conversations, messages, marks and every user's feed."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None

# An INTEGER primary key is SQLite's row id: the table is its own index.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.create_table(
        "meta",
        sa.Column("key", sa.Text, primary_key=True),
        sa.Column("value", sa.Text, nullable=False),
    )
    op.create_table(
        "users",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("name", sa.Text),
        sa.Column("email", sa.Text),
        sa.Column("time_zone", sa.Text),
        sa.Column("locale", sa.Text),
        sa.Column("avatar", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    # Narrow, because every message rewrites it: the feed's head and the rate limit's clock.
    op.create_table(
        "heads",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("head", sa.BigInteger, nullable=False),
        sa.Column("rate_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "conversations",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("last_seq", sa.BigInteger, nullable=False),
        sa.Column("last_message_id", sa.BigInteger, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_table(
        "members",
        sa.Column("conversation_id", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("delivered_seq", sa.BigInteger, nullable=False),
        sa.Column("read_seq", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("members_of_user", "members", ["user_id", "conversation_id"])
    op.create_table(
        "messages",
        sa.Column("message_id", ID, primary_key=True, autoincrement=False),
        sa.Column("conversation_id", sa.Text, nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("sender_id", sa.Text, nullable=False),
        sa.Column("client_id", sa.Text, nullable=False),
        sa.Column("content", sa.Text, nullable=False),
        sa.Column("content_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("updated_at", sa.BigInteger, nullable=False),
    )
    op.create_index("messages_once", "messages", ["sender_id", "client_id"], unique=True)
    op.create_index("messages_in_order", "messages", ["conversation_id", "seq"], unique=True)
    # References only, bodies live in messages. A message row needs no conversation or actor.
    op.create_table(
        "feed",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("cursor", sa.BigInteger, primary_key=True),
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("conversation_id", sa.Text),
        sa.Column("actor_id", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("feed_in_commit_order", "feed", ["writer", "n"], unique=True)
    op.create_table(
        "lanes",
        sa.Column("lane", sa.Text, primary_key=True),
        sa.Column("number", sa.BigInteger, nullable=False),
        sa.Column("results", sa.LargeBinary, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    for table in (
        "lanes",
        "feed",
        "messages",
        "members",
        "conversations",
        "heads",
        "users",
        "meta",
    ):
        op.drop_table(table)
