"""Add each user's choices, as JSON: they are read and written as a whole."""

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.execute("CREATE TABLE preferences (user_id TEXT PRIMARY KEY, chosen TEXT NOT NULL)")


def downgrade() -> None:
    op.execute("DROP TABLE preferences")
