"""Add the answer to each announcement of the host, by its idempotency key."""

from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    op.execute(
        """
        CREATE TABLE announcements (
            idempotency_key TEXT PRIMARY KEY,
            digest TEXT NOT NULL,
            results TEXT NOT NULL,
            created_at BIGINT NOT NULL
        )
        """
    )
    op.execute("CREATE INDEX announcements_by_age ON announcements (created_at)")


def downgrade() -> None:
    op.execute("DROP TABLE announcements")
