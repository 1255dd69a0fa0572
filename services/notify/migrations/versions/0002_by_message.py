"""Add an index: a message's notifications are found at once, however many there have been."""

from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    # A group that was merged lives on in the one that took it in.
    op.execute(
        """
        CREATE INDEX notifications_by_message
            ON notifications (user_id, conversation_id, last_seq) WHERE reason <> 'merged'
        """
    )


def downgrade() -> None:
    op.execute("DROP INDEX notifications_by_message")
