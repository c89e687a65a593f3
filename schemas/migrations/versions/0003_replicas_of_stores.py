"""What a store tells of a replica, what a scan needs, and the UIDs of DICOM instances."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"

_TEXTS = ("version", "stored", "problem", "study", "series", "instance")


def upgrade() -> None:
    """Add the columns; a replica whose bytes nobody has read has neither size nor checksum."""
    with op.batch_alter_table("replica") as batch:
        batch.alter_column(
            "size",
            existing_type=sa.Integer(),
            type_=sa.BigInteger(),
            existing_nullable=False,
            nullable=True,
        )
        batch.alter_column("checksum", existing_type=sa.String(), nullable=True)
        for name in _TEXTS:
            batch.add_column(sa.Column(name, sa.String(), nullable=True))
        for name in ("modified", "inode"):
            batch.add_column(sa.Column(name, sa.BigInteger(), nullable=True))
