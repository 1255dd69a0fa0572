"""Add the time at which a user's last socket closed."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.add_column("users", sa.Column("last_seen", sa.BigInteger))


def downgrade() -> None:
    op.drop_column("users", "last_seen")
