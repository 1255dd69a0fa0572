"""One-time tickets: what opens a socket in place of a token, once and soon."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "tickets",
        sa.Column("ticket_hash", sa.Text, primary_key=True),
        sa.Column("user_id", sa.Text, nullable=False),
        sa.Column("expires_at", sa.BigInteger, nullable=False),
        # Of the token it was bought with: the socket ends then.
        sa.Column("token_expires_at", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("tickets_by_age", "tickets", ["expires_at"])


def downgrade() -> None:
    op.drop_table("tickets")
