"""Add the users who are erased: their ids are never used again."""

import sqlalchemy as sa
from alembic import op

revision = "0024"
down_revision = "0023"


def upgrade() -> None:
    # Each transaction that names a user reads this column.
    op.add_column(
        "heads", sa.Column("erased", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.create_table(
        "erasures",
        sa.Column("user_id", sa.Text, primary_key=True),
        sa.Column("asked_at", sa.BigInteger, nullable=False),
        sa.Column("finished_at", sa.BigInteger),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("erasures")
    op.drop_column("heads", "erased")
