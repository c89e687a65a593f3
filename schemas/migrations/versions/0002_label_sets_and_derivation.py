"""Label sets that are brought along, how a subset was derived, and withdrawals."""

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Add the columns and tables; what is there was made by a question over NIH's labels."""
    op.add_column(
        "label_set", sa.Column("kind", sa.String(), nullable=False, server_default="labels")
    )
    op.add_column("label_set", sa.Column("spec", sa.Text(), nullable=True))
    op.add_column(
        "subset", sa.Column("operation", sa.String(), nullable=False, server_default="where")
    )
    op.add_column("subset", sa.Column("steps", sa.JSON(), nullable=False, server_default="[]"))
    op.create_table(
        "reading",
        sa.Column("label_set_id", sa.Integer(), nullable=False),
        sa.Column("reader", sa.String(), nullable=False),
        sa.Column("name", sa.String(), nullable=False),
        sa.Column("state", sa.String(), nullable=False),
        sa.Column("images", sa.Integer(), nullable=False),
        sa.Column("members", sa.LargeBinary(), nullable=False),
        sa.ForeignKeyConstraint(["label_set_id"], ["label_set.id"]),
        sa.PrimaryKeyConstraint("label_set_id", "reader", "name", "state"),
    )
    op.create_table(
        "withdrawal",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("ordinal", sa.Integer(), nullable=False),
        sa.Column("reason", sa.String(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["dataset.id"]),
        sa.PrimaryKeyConstraint("dataset_id", "ordinal"),
    )
