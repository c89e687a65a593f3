"""What is known of a project, and uses with several artefacts, each use once."""

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"

_INDEXED = ("export_id", "project_id", "subset_id")


def upgrade() -> None:
    """Add the columns, and make the table of uses anew: its key is text from now on."""
    for name in ("title", "path", "host", "contact", "note"):
        op.add_column("project", sa.Column(name, sa.String(), nullable=True))
    op.add_column("export", sa.Column("brought_from", sa.String(), nullable=True))
    connection = op.get_bind()
    before = sa.Table("use", sa.MetaData(), autoload_with=connection)
    rows = [dict(row) for row in connection.execute(sa.select(before)).mappings()]
    for name in _INDEXED:
        op.drop_index(f"ix_use_{name}", "use")
    op.drop_table("use")
    uses = op.create_table(
        "use",
        sa.Column("id", sa.String(), nullable=False),
        sa.Column("project_id", sa.Integer(), nullable=False),
        sa.Column("subset_id", sa.Integer(), nullable=False),
        sa.Column("export_id", sa.String(), nullable=True),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("failure", sa.String(), nullable=True),
        sa.Column("dois", sa.JSON(), nullable=False),
        sa.Column("contact", sa.String(), nullable=True),
        sa.Column("note", sa.String(), nullable=True),
        sa.Column("host", sa.String(), nullable=True),
        sa.Column("by", sa.String(), nullable=False),
        sa.Column("started", sa.DateTime(timezone=True), nullable=True),
        sa.Column("at", sa.DateTime(timezone=True), nullable=False),
        sa.ForeignKeyConstraint(["export_id"], ["export.id"]),
        sa.ForeignKeyConstraint(["project_id"], ["project.id"]),
        sa.ForeignKeyConstraint(["subset_id"], ["subset.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    for name in _INDEXED:
        op.create_index(f"ix_use_{name}", "use", [name])
    artifacts = op.create_table(
        "use_artifact",
        sa.Column("use_id", sa.String(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("kind", sa.String(), nullable=False),
        sa.Column("place", sa.String(), nullable=False),
        sa.Column("files", sa.Integer(), nullable=True),
        sa.Column("size", sa.BigInteger(), nullable=True),
        sa.Column("checksum", sa.String(), nullable=True),
        sa.ForeignKeyConstraint(["use_id"], ["use.id"]),
        sa.PrimaryKeyConstraint("use_id", "number"),
    )
    kept = ("project_id", "subset_id", "export_id", "kind", "contact", "note", "by", "at")
    for row in rows:
        key = str(uuid.UUID(int=row["id"]))
        dois = [row["doi"]] if row["doi"] else []
        connection.execute(
            uses.insert(), {"id": key, "dois": dois} | {name: row[name] for name in kept}
        )
        if row["artifact"]:
            facts = {"use_id": key, "number": 1, "place": row["artifact"]}
            kind = "url" if "://" in row["artifact"] else "file"
            connection.execute(
                artifacts.insert(), facts | {"kind": kind, "checksum": row["artifact_checksum"]}
            )
