"""Runs the steps on the connection that `migrate.upgrade` hands over. Alembic loads it by path."""

from alembic import context

context.configure(connection=context.config.attributes["connection"])
with context.begin_transaction():
    context.run_migrations()
