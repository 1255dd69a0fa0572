"""The words of names, by which people are found."""

import sqlalchemy as sa
from alembic import op

from services.persistence.store import names

revision = "0018"
down_revision = "0017"

AT_ONCE = 1000
NEXT = sa.text("""
SELECT user_id, name FROM users WHERE user_id > :after ORDER BY user_id LIMIT :limit
""")
LEARN = sa.text("INSERT INTO names (word, user_id) VALUES (:word, :user_id)")
# The order of the code points, as that of SQLite.
TEXT = sa.Text().with_variant(sa.Text(collation="C"), "postgresql")


def upgrade() -> None:
    op.create_table(
        "names",
        sa.Column("word", TEXT, primary_key=True),
        sa.Column("user_id", TEXT, primary_key=True),
        sqlite_with_rowid=False,
    )
    connection, after = op.get_bind(), ""
    while rows := connection.execute(NEXT, {"after": after, "limit": AT_ONCE}).fetchall():
        after = rows[-1][0]
        learnt = [
            {"word": word, "user_id": user_id}
            for user_id, name in rows
            for word in names.words_of(user_id, name)
        ]
        if learnt:
            connection.execute(LEARN, learnt)
    op.create_index("names_of_user", "names", ["user_id", "word"])


def downgrade() -> None:
    op.drop_table("names")
