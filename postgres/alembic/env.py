"""How alembic runs migrations: on the connection that postgres/migrations.py hands it, all in one transaction."""

from alembic import context

from postgres.migrations import VERSION_TABLE

context.configure(
    connection=context.config.attributes["connection"],
    version_table=VERSION_TABLE,
    version_table_schema=context.config.attributes["schema"],
)
with context.begin_transaction():
    context.run_migrations()
