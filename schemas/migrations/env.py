"""What alembic runs: the migrations, on the connection and inside the transaction of its caller."""

from alembic import context
from sqlmodel import SQLModel

from cxrcat.schemas import tables as _tables  # noqa: F401 - registers the tables

context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=SQLModel.metadata,
    render_as_batch=True,
    transactional_ddl=True,
)
context.run_migrations()
