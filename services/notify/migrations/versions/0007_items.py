"""The list of notifications."""

from alembic import op

revision = "0007"
down_revision = "0006"

STATEMENTS = (
    """
    CREATE TABLE items (
        item_id TEXT PRIMARY KEY,
        user_id TEXT NOT NULL,
        notification_type TEXT NOT NULL,
        group_key TEXT NOT NULL,
        priority TEXT NOT NULL,
        title TEXT NOT NULL,
        body TEXT NOT NULL,
        sender_id TEXT NOT NULL,
        action_url TEXT NOT NULL,
        conversation_id TEXT NOT NULL,
        first_seq BIGINT NOT NULL,
        last_seq BIGINT NOT NULL,
        count BIGINT NOT NULL,
        muted BOOLEAN NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL,
        read_at BIGINT NOT NULL,
        delivered_at BIGINT NOT NULL
    )
    """,
    "CREATE INDEX items_in_order ON items (user_id, updated_at, item_id)",
    "CREATE INDEX items_by_group ON items (user_id, group_key, item_id) WHERE group_key <> ''",
    """
    CREATE INDEX items_unread ON items (user_id, conversation_id, muted)
        WHERE read_at = 0
    """,
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP TABLE items")
