"""A member's own view of a conversation: cleared up to where, archived, muted."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column(
        "members", sa.Column("cleared_seq", sa.BigInteger, nullable=False, server_default="0")
    )
    op.add_column(
        "members", sa.Column("archived", sa.Boolean, nullable=False, server_default=sa.false())
    )
    op.add_column(
        "members", sa.Column("muted", sa.Boolean, nullable=False, server_default=sa.false())
    )
    # Orders the changes of one member's view.
    op.add_column(
        "members", sa.Column("version", sa.BigInteger, nullable=False, server_default="1")
    )


def downgrade() -> None:
    for column in ("version", "muted", "archived", "cleared_seq"):
        op.drop_column("members", column)
