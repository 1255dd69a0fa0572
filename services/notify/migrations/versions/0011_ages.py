"""Deliveries that ended long ago are found without a look at all of them."""

from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    op.execute("CREATE INDEX deliveries_by_age ON deliveries (closed_at) WHERE closed_at > 0")


def downgrade() -> None:
    op.execute("DROP INDEX deliveries_by_age")
