"""Digests collect deliveries, and addresses that a mail server refuses are counted."""

from alembic import op

revision = "0010"
down_revision = "0009"

STATEMENTS = (
    "ALTER TABLE deliveries ADD COLUMN digest_id TEXT NOT NULL DEFAULT ''",
    "CREATE INDEX deliveries_collected ON deliveries (user_id) WHERE state = 'collected'",
    # `address`: a hash. The count is of refusals without an e-mail accepted in between.
    """
    CREATE TABLE refusals (
        user_id TEXT PRIMARY KEY,
        address TEXT NOT NULL,
        count BIGINT NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE refusals")
    op.execute("UPDATE deliveries SET state = 'cancelled' WHERE state = 'collected'")
    op.execute("DROP INDEX deliveries_collected")
    op.execute("ALTER TABLE deliveries DROP COLUMN digest_id")
