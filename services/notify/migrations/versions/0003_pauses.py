"""E-mails to somebody who stays away come at growing intervals."""

from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    for column in ("mails", "mailed_at"):
        op.execute(f"ALTER TABLE watches ADD COLUMN {column} BIGINT NOT NULL DEFAULT 0")


def downgrade() -> None:
    for column in ("mailed_at", "mails"):
        op.execute(f"ALTER TABLE watches DROP COLUMN {column}")
