"""The first command of a new user, who has no catalog yet."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from data import clear, flat_table
from measure import Contender, Job, Race, installed, peer


def prepare(folder: Path) -> Iterator[Race]:
    """Unzip the table for sqlite3; cxrcat reads it as it ships."""
    flat = flat_table(folder)
    catalog, database = folder / "new" / "catalog.sqlite", folder / "new.sqlite"
    yield Race(
        "first use",
        [
            Contender(
                "sqlite3 .import",
                [peer("sqlite3", "sqlite3"), database, f'.import --csv "{flat}" image'],
                before=clear(database),
            ),
            Contender(
                "cxrcat subset list",
                [installed("cxrcat"), "--catalog", catalog, "subset", "list"],
                goal=6,
                before=clear(catalog.parent),
            ),
        ],
    )


JOB = Job(
    what="Create a catalog, migrate it, ingest all 112,120 rows with their indexes, and list the "
    "subsets; the peer imports the unzipped table, flat and without an index.",
    goal_from="bare sqlite3 takes 3.2 times the import for the normalised rows with indexes; the "
    "imports and the migration of a whole program come on top.",
    prepare=prepare,
    short_of="a third is the start; the tables are made in 0.15 s, nearly all of it Alembic's; to "
    "read, check and sort the table takes 0.3 s, to write it with its indexes and bitmaps another "
    "0.3 s, and the 15 subsets 0.1 s, most of it to import the parser of questions. Tried without "
    "gain: other sizes of statements; with it: indexes made after the rows, cells kept once.",
)
