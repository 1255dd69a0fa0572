"""Number the reports, so that a follower knows which ones are new."""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0019"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    # A number is never given twice, not even after the newest report was deleted.
    op.create_table(
        "report_numbers",
        sa.Column("number", ID, primary_key=True, autoincrement=True),
        sa.Column("report_id", sa.Text, nullable=False),
        sqlite_autoincrement=True,
    )


def downgrade() -> None:
    op.drop_table("report_numbers")
