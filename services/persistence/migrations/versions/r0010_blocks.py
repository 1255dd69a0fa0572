"""Add blocks between users, and reports."""

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def upgrade() -> None:
    op.create_table(
        "blocks",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("blocked_id", sa.Text, primary_key=True),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    # The same of the two of a direct conversation, where each message finds it.
    op.add_column(
        "members", sa.Column("blocked", sa.Boolean, nullable=False, server_default=sa.false())
    )
    # References only: what a message says is read from the message, as long as it is there.
    op.create_table(
        "reports",
        sa.Column("report_id", sa.Text, primary_key=True),
        sa.Column("reporter_id", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("message_id", sa.BigInteger),
        sa.Column("version", sa.BigInteger),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        sa.Column("request_hash", sa.LargeBinary, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
    )


def downgrade() -> None:
    op.drop_table("reports")
    op.drop_column("members", "blocked")
    op.drop_table("blocks")
