"""The mutes, which are few, are found without a look at all members."""

import sqlalchemy as sa
from alembic import op

revision = "0017"
down_revision = "0016"


def upgrade() -> None:
    muted = sa.text("muted")
    op.create_index(
        "members_muted",
        "members",
        ["user_id", "conversation_id"],
        sqlite_where=muted,
        postgresql_where=muted,
    )


def downgrade() -> None:
    op.drop_index("members_muted", "members")
