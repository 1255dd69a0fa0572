"""Files of messages: the records; the bytes are in an object store."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.create_table(
        "attachments",
        sa.Column("attachment_id", sa.Text, primary_key=True),
        sa.Column("owner_id", sa.Text, nullable=False),
        sa.Column("state", sa.Text, nullable=False),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("media_type", sa.Text, nullable=False),
        sa.Column("size", sa.BigInteger, nullable=False),
        sa.Column("width", sa.BigInteger),
        sa.Column("height", sa.BigInteger),
        sa.Column("thumbnail", sa.Boolean, nullable=False),
        sa.Column("message_id", sa.BigInteger),  # none: nobody sees it but its owner
        sa.Column("position", sa.BigInteger, nullable=False),
        sqlite_with_rowid=False,
    )
    op.create_index("attachments_of_message", "attachments", ["message_id", "position"])
    op.create_index("attachments_of_owner", "attachments", ["owner_id", "state"])
    op.create_index("attachments_by_age", "attachments", ["state", "created_at"])


def downgrade() -> None:
    op.drop_table("attachments")
