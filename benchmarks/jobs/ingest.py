"""A second dataset, brought into a catalog that is there, and how that grows with its rows."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import synthetic
from data import catalog, clear
from measure import Contender, Job, Race, installed, peer

_TENTH, _ALL = "112,120 rows", "1,121,200 rows"


def prepare(folder: Path) -> Iterator[Race]:
    """Write tables as large as the real one, and of ten times its rows."""
    ready, store = catalog(folder), folder / "used.sqlite"
    database = folder / "peer.sqlite"
    contenders = []
    for copies, rows in ((1, _TENTH), (10, _ALL)):
        place = folder / str(copies)
        place.mkdir()
        table = place / "many.csv"
        synthetic.write_table(table, copies)
        words = [peer("sqlite3", "sqlite3"), database, f'.import --csv "{table}" image']
        add = [installed("cxrcat"), "--catalog", store, "dataset", "add"]
        large = rows == _ALL
        contenders += [
            Contender(
                f"sqlite3 .import, {rows}",
                words,
                tenth=f"sqlite3 .import, {_TENTH}" if large else None,
                before=clear(database),
            ),
            Contender(
                f"cxrcat dataset add, {rows}",
                [*add, synthetic.descriptor_in(place)],
                tenth=f"cxrcat dataset add, {_TENTH}" if large else None,
                before=partial(shutil.copyfile, ready, store),
            ),
        ]
    yield Race("a second dataset", contenders)


JOB = Job(
    what="Bring a descriptor and its table into a catalog that has NIH's; the peer imports the "
    "table, flat and without an index.",
    goal_from="none; the time should grow no faster than the rows, and the memory not at all.",
    prepare=prepare,
)
