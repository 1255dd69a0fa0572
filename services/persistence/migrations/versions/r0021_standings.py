"""Add the standings of users: bans, and revoked tokens."""

import sqlalchemy as sa
from alembic import op

revision = "0021"
down_revision = "0020"


def upgrade() -> None:
    op.create_table(
        "standings",  # of the few users whose standing is not good
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("banned", sa.Boolean, nullable=False),
        sa.Column("valid_after", sa.BigInteger, nullable=False),
        sa.Column("revoked", sa.Text, nullable=False),
        sa.Column("good_at", sa.BigInteger),  # when the last of the revoked tokens has expired
        sqlite_with_rowid=False,
    )
    op.create_index("standings_by_end", "standings", ["good_at"])
    # Of the token that the ticket was bought with.
    op.add_column(
        "tickets", sa.Column("token_issued_at", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column("tickets", sa.Column("token_id", sa.Text, nullable=False, server_default=""))


def downgrade() -> None:
    op.drop_column("tickets", "token_id")
    op.drop_column("tickets", "token_issued_at")
    op.drop_table("standings")
