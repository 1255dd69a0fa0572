"""Notifications, what is known of each recipient's conversations, the place in the log."""

from alembic import op

revision = "0001"
down_revision = None

TABLES = (
    """
    CREATE TABLE notifications (
        notification_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        first_seq BIGINT NOT NULL,
        last_seq BIGINT NOT NULL,
        count BIGINT NOT NULL,
        state TEXT NOT NULL,
        reason TEXT NOT NULL,
        due_at BIGINT NOT NULL,
        claims BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        closed_at BIGINT NOT NULL
    )
    """,
    # One group waits, and one attempt is made at a time, for a recipient and a conversation.
    """
    CREATE UNIQUE INDEX notifications_waiting ON notifications (user_id, conversation_id)
        WHERE state = 'waiting'
    """,
    """
    CREATE UNIQUE INDEX notifications_in_flight ON notifications (user_id, conversation_id)
        WHERE state IN ('claimed', 'sending')
    """,
    """
    CREATE INDEX notifications_due ON notifications (due_at)
        WHERE state IN ('waiting', 'claimed')
    """,
    """
    CREATE INDEX notifications_trouble ON notifications (closed_at)
        WHERE state IN ('failed', 'unknown')
    """,
    """
    CREATE TABLE watches (
        user_id TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        seen_seq BIGINT NOT NULL,
        seen_at BIGINT NOT NULL,
        read_seq BIGINT NOT NULL,
        PRIMARY KEY (user_id, conversation_id)
    )
    """,
    """
    CREATE TABLE progress (
        follower TEXT PRIMARY KEY,
        epoch TEXT NOT NULL,
        positions TEXT NOT NULL
    )
    """,
)


def upgrade() -> None:
    for statement in TABLES:
        op.execute(statement)


def downgrade() -> None:
    for table in ("progress", "watches", "notifications"):
        op.execute(f"DROP TABLE {table}")
