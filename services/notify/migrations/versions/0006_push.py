"""Push subscriptions, and what became of each push to each of them."""

from alembic import op

revision = "0006"
down_revision = "0005"

STATEMENTS = (
    """
    CREATE TABLE push_subscriptions (
        endpoint TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        p256dh TEXT NOT NULL,
        auth TEXT NOT NULL,
        subscribed_at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX push_subscriptions_of_user ON push_subscriptions (user_id, subscribed_at)",
    """
    CREATE TABLE pushes (
        delivery_id TEXT NOT NULL,
        device TEXT NOT NULL,
        outcome TEXT NOT NULL,
        at BIGINT NOT NULL,
        PRIMARY KEY (delivery_id, device)
    )
    """,
    "CREATE INDEX pushes_by_age ON pushes (at)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("pushes", "push_subscriptions"):
        op.execute(f"DROP TABLE {table}")
