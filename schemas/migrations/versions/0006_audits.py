"""Audits of projects."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the table."""
    op.create_table(
        "audit",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("run", sa.String(), nullable=False),
        sa.Column("project", sa.String(), nullable=False),
        sa.Column("root", sa.Text(), nullable=False),
        sa.Column("host", sa.String(), nullable=False),
        *(
            sa.Column(name, sa.Integer(), nullable=False)
            for name in ("duties", "met", "errors", "warnings", "notes")
        ),
        sa.Column("problems", sa.JSON(), nullable=False),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ix_audit_run", "audit", ["run"])
    op.create_index("audit_root", "audit", ["host", "root"])
