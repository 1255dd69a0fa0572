"""Add the users who are erased, or are to be erased."""

from alembic import op

revision = "0014"
down_revision = "0013"


def upgrade() -> None:
    # `finished_at`: 0 while something is left of them.
    op.execute(
        """
        CREATE TABLE erasures (
            user_id TEXT PRIMARY KEY,
            asked_at BIGINT NOT NULL,
            finished_at BIGINT NOT NULL
        )
        """
    )


def downgrade() -> None:
    op.execute("DROP TABLE erasures")
