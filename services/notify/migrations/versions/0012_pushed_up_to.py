"""A push to a browser is about messages up to one: for those after it there may be another."""

from alembic import op

revision = "0012"
down_revision = "0011"


def upgrade() -> None:
    op.execute("ALTER TABLE pushes ADD COLUMN last_seq BIGINT NOT NULL DEFAULT 0")


def downgrade() -> None:
    op.execute("ALTER TABLE pushes DROP COLUMN last_seq")
