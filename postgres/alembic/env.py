"""Alembic's environment: migrations run on the connection of postgres/migrations.py, all in one transaction."""

from alembic import context

from postgres.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
