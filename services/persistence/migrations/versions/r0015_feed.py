"""The feed in commit order: a row is appended, and a narrow entry finds it by user and cursor."""

from typing import Any

import sqlalchemy as sa
from alembic import op

revision = "0015"
down_revision = "0014"

# An INTEGER primary key is SQLite's row id: the table is its own index.
ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")
MARKS = ("delivered_seq", "read_seq")
NUMBERS = ("message_id", "reaction", "change_id", *MARKS)
COLUMNS = ", ".join(
    ("n", "user_id", "cursor", "kind", "conversation_id", "actor_id", "created_at", *NUMBERS)
)


def upgrade() -> None:
    n = sa.Column("n", ID, primary_key=True, autoincrement=False)
    op.create_table("feed_anew", n, *_columns())
    _fill(COLUMNS, COLUMNS)
    op.create_index("feed_by_cursor", "feed", ["user_id", "cursor"], unique=True)
    _index_marks()


def downgrade() -> None:
    places = (
        sa.Column("writer", sa.Text, nullable=False),
        sa.Column("n", sa.BigInteger, nullable=False),
    )
    op.create_table("feed_anew", *places, *_columns(primary_key=True), sqlite_with_rowid=False)
    _fill(f"writer, {COLUMNS}", f"'1', {COLUMNS}")
    op.create_index("feed_in_commit_order", "feed", ["writer", "n"], unique=True)
    _index_marks()


def _columns(**of_key: Any) -> list[sa.Column[Any]]:
    return [
        sa.Column("user_id", sa.Text, nullable=False, **of_key),
        sa.Column("cursor", sa.BigInteger, nullable=False, **of_key),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("conversation_id", sa.Text),
        sa.Column("actor_id", sa.Text),
        sa.Column("created_at", sa.BigInteger, nullable=False),
        *(sa.Column(name, sa.BigInteger) for name in NUMBERS),
    ]


def _fill(columns: str, values: str) -> None:
    """The table takes the other's place."""
    op.execute(f"INSERT INTO feed_anew ({columns}) SELECT {values} FROM feed ORDER BY n")  # noqa: S608
    op.drop_table("feed")
    op.rename_table("feed_anew", "feed")


def _index_marks() -> None:
    for mark in MARKS:
        moved = sa.text(f"{mark} IS NOT NULL")
        op.create_index(
            f"feed_by_{mark}",
            "feed",
            ["conversation_id", "user_id", mark],
            sqlite_where=moved,
            postgresql_where=moved,
        )
