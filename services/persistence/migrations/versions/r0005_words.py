"""The index of words: numbers in place of words, filled in the background after the upgrade."""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.create_table(
        "words",
        sa.Column("word", sa.BigInteger, primary_key=True, autoincrement=False),
        sa.Column("message_id", sa.BigInteger, primary_key=True, autoincrement=False),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    op.drop_table("words")
    op.execute("DELETE FROM meta WHERE key = 'indexed'")
