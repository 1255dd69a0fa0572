"""Webhooks, and the events that wait for them or were given up: references, never text."""

from alembic import op

revision = "0013"
down_revision = "0012"

STATEMENTS = (
    # `events`: a list in JSON. `off`: empty while events are sent. `old_secret` also signs, up to
    # `old_until`.
    """
    CREATE TABLE webhooks (
        webhook_id TEXT PRIMARY KEY,
        url TEXT NOT NULL,
        events TEXT NOT NULL,
        secret TEXT NOT NULL,
        old_secret TEXT NOT NULL,
        old_until BIGINT NOT NULL,
        off TEXT NOT NULL,
        epoch TEXT NOT NULL,
        positions TEXT NOT NULL,
        delivered BIGINT NOT NULL,
        created_at BIGINT NOT NULL,
        updated_at BIGINT NOT NULL
    )
    """,
    # A number is never given twice. `fact`: a list in JSON, of references.
    """
    CREATE TABLE webhook_events (
        number INTEGER PRIMARY KEY AUTOINCREMENT,
        webhook_id TEXT NOT NULL,
        event_id TEXT NOT NULL,
        fact TEXT NOT NULL,
        state TEXT NOT NULL,
        queued_at BIGINT NOT NULL,
        due_at BIGINT NOT NULL,
        attempts BIGINT NOT NULL,
        reason TEXT NOT NULL,
        closed_at BIGINT NOT NULL
    )
    """,
    "CREATE UNIQUE INDEX webhook_events_once ON webhook_events (webhook_id, event_id)",
    "CREATE INDEX webhook_events_by_state ON webhook_events (webhook_id, state, number)",
)


def upgrade() -> None:
    for statement in STATEMENTS:
        op.execute(statement)


def downgrade() -> None:
    for table in ("webhook_events", "webhooks"):
        op.execute(f"DROP TABLE {table}")
