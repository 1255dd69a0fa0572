"""Keep what an e-mail or a push left out of its messages: it is told of none of these."""

from alembic import op

revision = "0015"
down_revision = "0014"


def upgrade() -> None:
    op.execute("ALTER TABLE deliveries ADD COLUMN omissions TEXT NOT NULL DEFAULT ''")


def downgrade() -> None:
    op.execute("ALTER TABLE deliveries DROP COLUMN omissions")
