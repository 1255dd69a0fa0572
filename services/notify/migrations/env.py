"""Runs migrations on the connection from `migrate.upgrade`. Alembic loads this file by path."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
