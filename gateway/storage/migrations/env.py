"""Run the migrations on the connection that `migrate` hands over. Alembic loads this module."""

from __future__ import annotations

from alembic import context

from gateway.storage.database.desk_tables import SCHEMA

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SCHEMA,
    transactional_ddl=False,
)
with context.begin_transaction():
    context.run_migrations()
