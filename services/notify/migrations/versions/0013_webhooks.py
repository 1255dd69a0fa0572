"""Add webhooks, and the events that wait for them or were given up: references, never text."""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"

# An INTEGER primary key is SQLite's row id: the table is its own index.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # `events`: a list in JSON. `off`: empty while events are sent. `old_secret` also signs, up to
    # `old_until`.
    op.create_table(
        "webhooks",
        sa.Column("webhook_id", sa.Text, primary_key=True),
        *_texts("url", "events", "secret", "old_secret", "off", "epoch", "positions"),
        *_numbers("old_until", "delivered", "created_at", "updated_at"),
    )
    # A number is never given twice. `fact`: a list in JSON, of references.
    op.create_table(
        "webhook_events",
        sa.Column("number", ID, primary_key=True, autoincrement=True),
        *_texts("webhook_id", "event_id", "fact", "state", "reason"),
        *_numbers("queued_at", "due_at", "attempts", "closed_at"),
        sqlite_autoincrement=True,
    )
    once, state = ["webhook_id", "event_id"], ["webhook_id", "state", "number"]
    op.create_index("webhook_events_once", "webhook_events", once, unique=True)
    op.create_index("webhook_events_by_state", "webhook_events", state)


def downgrade() -> None:
    for table in ("webhook_events", "webhooks"):
        op.drop_table(table)


def _texts(*names: str) -> list[sa.Column[str]]:
    return [sa.Column(name, sa.Text, nullable=False) for name in names]


def _numbers(*names: str) -> list[sa.Column[int]]:
    return [sa.Column(name, sa.BigInteger, nullable=False) for name in names]
