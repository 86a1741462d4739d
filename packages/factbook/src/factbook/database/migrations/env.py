"""Alembic's environment: runs on the connection that :func:`factbook.database.migrations.migrate` hands over, inside its transaction."""

from alembic import context

from factbook.database import control_tables, log_tables
from factbook.database.metadata import METADATA

DECLARED = (log_tables, control_tables)

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=METADATA,
    transactional_ddl=False,
    render_as_batch=True,
)
context.run_migrations()
