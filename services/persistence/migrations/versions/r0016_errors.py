"""The errors that the services have met: a row each, however often it happened."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"


def upgrade() -> None:
    op.create_table(
        "errors",
        sa.Column("error_id", sa.Text, primary_key=True),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("severity", sa.Text, nullable=False),
        sa.Column("service", sa.Text, nullable=False),
        sa.Column("message", sa.Text, nullable=False),
        sa.Column("context", sa.Text, nullable=False),
        sa.Column("user_id", sa.Text),
        sa.Column("trace", sa.Text),
        sa.Column("first_at", sa.BigInteger, nullable=False),
        sa.Column("occurred_at", sa.BigInteger, nullable=False),
        sa.Column("count", sa.BigInteger, nullable=False),
        sa.Column("resolved_at", sa.BigInteger),
        sa.Column("notes", sa.Text, nullable=False),
    )
    op.create_index("errors_by_time", "errors", ["occurred_at", "error_id"])


def downgrade() -> None:
    op.drop_table("errors")
