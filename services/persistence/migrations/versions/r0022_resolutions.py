"""Let reports be listed by time, and be resolved."""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"


def upgrade() -> None:
    op.add_column("reports", sa.Column("resolved_at", sa.BigInteger))
    op.add_column("reports", sa.Column("notes", sa.Text, nullable=False, server_default=""))
    op.create_index("reports_by_time", "reports", ["created_at", "report_id"])


def downgrade() -> None:
    op.drop_index("reports_by_time", "reports")
    op.drop_column("reports", "notes")
    op.drop_column("reports", "resolved_at")
