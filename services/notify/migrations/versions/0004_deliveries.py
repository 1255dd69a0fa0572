"""Each channel makes its own deliveries, of a conversation and of what is none."""

from alembic import op

revision = "0004"
down_revision = "0003"

OLD_INDEXES = ("waiting", "in_flight", "due", "trouble", "by_message")
NEW_INDEXES = (
    """
    CREATE UNIQUE INDEX deliveries_waiting ON deliveries (user_id, channel, thread)
        WHERE state = 'waiting'
    """,
    """
    CREATE UNIQUE INDEX deliveries_in_flight ON deliveries (user_id, channel, thread)
        WHERE state IN ('claimed', 'sending')
    """,
    """
    CREATE INDEX deliveries_due ON deliveries (channel, due_at)
        WHERE state IN ('waiting', 'claimed')
    """,
    """
    CREATE INDEX deliveries_trouble ON deliveries (channel, closed_at)
        WHERE state IN ('failed', 'unknown')
    """,
    """
    CREATE INDEX deliveries_by_message ON deliveries (user_id, channel, thread, last_seq)
        WHERE reason <> 'merged'
    """,
)
WATCHES = """
    CREATE TABLE watches (
        user_id TEXT NOT NULL,
        thread TEXT NOT NULL,
        channel TEXT NOT NULL,
        seen_seq BIGINT NOT NULL,
        seen_at BIGINT NOT NULL,
        read_seq BIGINT NOT NULL,
        mails BIGINT NOT NULL,
        mailed_at BIGINT NOT NULL,
        PRIMARY KEY (user_id, thread, channel)
    )
"""
OLD_WATCHES = """
    CREATE TABLE watches (
        user_id TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        seen_seq BIGINT NOT NULL,
        seen_at BIGINT NOT NULL,
        read_seq BIGINT NOT NULL,
        mails BIGINT NOT NULL DEFAULT 0,
        mailed_at BIGINT NOT NULL DEFAULT 0,
        PRIMARY KEY (user_id, conversation_id)
    )
"""
OLD = (
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
    CREATE INDEX notifications_by_message
        ON notifications (user_id, conversation_id, last_seq) WHERE reason <> 'merged'
    """,
)


def upgrade() -> None:
    for name in OLD_INDEXES:
        op.execute(f"DROP INDEX notifications_{name}")
    op.execute("ALTER TABLE notifications RENAME TO deliveries")
    op.execute("ALTER TABLE deliveries RENAME COLUMN notification_id TO delivery_id")
    op.execute("ALTER TABLE deliveries RENAME COLUMN conversation_id TO thread")
    op.execute("ALTER TABLE deliveries ADD COLUMN channel TEXT NOT NULL DEFAULT 'email'")
    for statement in NEW_INDEXES:
        op.execute(statement)
    op.execute("ALTER TABLE watches RENAME TO watched")
    op.execute(WATCHES)
    op.execute(
        """
        INSERT INTO watches
        SELECT user_id, conversation_id, 'email', seen_seq, seen_at, read_seq, mails, mailed_at
        FROM watched
        """
    )
    op.execute("DROP TABLE watched")


def downgrade() -> None:
    for name in OLD_INDEXES:
        op.execute(f"DROP INDEX deliveries_{name}")
    op.execute("DELETE FROM deliveries WHERE channel <> 'email'")
    op.execute("ALTER TABLE deliveries DROP COLUMN channel")
    op.execute("ALTER TABLE deliveries RENAME COLUMN thread TO conversation_id")
    op.execute("ALTER TABLE deliveries RENAME COLUMN delivery_id TO notification_id")
    op.execute("ALTER TABLE deliveries RENAME TO notifications")
    for statement in OLD:
        op.execute(statement)
    op.execute("ALTER TABLE watches RENAME TO watched")
    op.execute(OLD_WATCHES)
    op.execute(
        """
        INSERT INTO watches
        SELECT user_id, thread, seen_seq, seen_at, read_seq, mails, mailed_at
        FROM watched WHERE channel = 'email'
        """
    )
    op.execute("DROP TABLE watched")
