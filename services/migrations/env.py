"""How alembic runs the migrations: on the connection that services/schema.py hands it, all in one transaction."""

from alembic import context

from services.schema import VERSION_SCHEMA

context.configure(connection=context.config.attributes["connection"], version_table_schema=VERSION_SCHEMA)
with context.begin_transaction():
    context.run_migrations()
