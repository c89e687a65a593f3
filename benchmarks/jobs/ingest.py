"""A second dataset, brought into a catalog that is there, and how that grows with its rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import synthetic
from data import catalog, clear
from measure import Contender, Job, Race, installed, peer


def prepare(folder: Path) -> Iterator[Race]:
    """Write tables as large as the real one, and of ten times its rows."""
    ready, store = catalog(folder), folder / "used.sqlite"
    database = folder / "peer.sqlite"
    titles: list[str] = []
    for copies in (1, 10):
        place = folder / str(copies)
        place.mkdir()
        table = place / "many.csv"
        synthetic.write_table(table, copies)
        titles.append(f"a second dataset, {copies * 112_120:,} rows")
        yield Race(
            titles[-1],
            [
                Contender(
                    "sqlite3 .import",
                    [peer("sqlite3", "sqlite3"), database, f'.import --csv "{table}" image'],
                    before=clear(database),
                ),
                Contender(
                    "cxrcat dataset add",
                    [
                        *(installed("cxrcat"), "--catalog", store, "dataset", "add"),
                        synthetic.descriptor_in(place),
                    ],
                    before=partial(shutil.copyfile, ready, store),
                ),
            ],
            tenth=titles[0] if copies > 1 else None,
        )


JOB = Job(
    what="Bring a descriptor and its table into a catalog that has NIH's; the peer imports the "
    "table, flat and without an index.",
    goal_from="none; the time should grow no faster than the rows, and the memory not at all.",
    prepare=prepare,
)
