"""The members of a label, view and age question, in process."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path

import synthetic
from measure import BenchError, Contender, Job, Race

_WHERE = "pneumothorax and view = 'PA' and age between 40 and 60"


def prepare(folder: Path) -> Iterator[Race]:
    """Make catalogs, and the same tables for the peers, of the real size and of 90 times that."""
    import duckdb

    for copies in (1, 9, 90):
        title = f"{copies * 112_120:,} images"
        goal = None if copies == 9 else 0.25  # that race only tells how the time grows
        place = folder / str(copies)
        place.mkdir()
        table = place / "many.csv"
        synthetic.write_table(table, copies)
        duck = duckdb.connect(str(place / "duck.db"), config={"threads": 2})
        _fill_duckdb(duck, table)
        lite = sqlite3.connect(place / "lite.db")
        _fill_sqlite(lite, duck)
        select = _cxrcat(synthetic.catalog_of(place))
        table.unlink()
        ask_duck, ask_lite = partial(_ask_duckdb, duck), partial(_ask_sqlite, lite)
        if not len(select()) == len(ask_duck()) == len(ask_lite()) > 0:
            raise BenchError("the contenders do not agree on the members")
        yield Race(
            f"select of {title}",
            [
                Contender("sqlite3 join", ask_lite),
                Contender("cxrcat", select, goal=goal),
                Contender("DuckDB, its own table", ask_duck),
            ],
            tenth=f"select of {9 * 112_120:,} images" if copies > 9 else None,
        )
        if goal:
            contenders = [
                Contender("DuckDB, its own table", ask_duck),
                Contender("cxrcat", select, goal=1.0),
            ]
            yield Race(f"select of {title}, beside DuckDB", contenders)
        duck.close()
        lite.close()


def _cxrcat(path: Path) -> Callable[[], object]:
    """Return what answers the question with nothing kept from the last time but the connection."""
    from cxrcat.catalog import Catalog

    catalog = Catalog.open(path)
    return partial(catalog.members, _WHERE, dataset="many")


def _fill_duckdb(duck: object, table: Path) -> None:
    labels = ", ".join(
        f"list_contains(said, '{name}') as {name.lower()}" for name in synthetic.FINDINGS
    )
    duck.execute(  # type: ignore[attr-defined]
        f"create table image as select name, patient, follow_up, age, sex, view, {labels} "  # noqa: S608
        f"from (select *, string_split(findings, '|') as said from read_csv('{table}')) "
        "order by name"
    )


def _fill_sqlite(lite: sqlite3.Connection, duck: object) -> None:
    lite.execute("create table image (id integer primary key, view text, age integer)")
    lite.execute("create table label (name text, id integer, primary key (name, id)) without rowid")
    every = duck.execute("select rowid, view, age from image")  # type: ignore[attr-defined]
    while rows := every.fetchmany(100_000):
        lite.executemany("insert into image values (?, ?, ?)", rows)
    for name in synthetic.FINDINGS:
        query = f"select '{name}', rowid from image where {name.lower()}"  # noqa: S608
        found = duck.execute(query)  # type: ignore[attr-defined]
        while rows := found.fetchmany(100_000):
            lite.executemany("insert into label values (?, ?)", rows)
    lite.commit()


def _ask_duckdb(duck: object) -> object:
    query = "select rowid from image where pneumothorax and view = 'PA' and age between 40 and 60"
    return duck.execute(query).fetchnumpy()["rowid"]  # type: ignore[attr-defined]


def _ask_sqlite(lite: sqlite3.Connection) -> list[tuple[int]]:
    return lite.execute(
        "select id from label join image using (id) "
        "where name = 'Pneumothorax' and view = 'PA' and age between 40 and 60"
    ).fetchall()


JOB = Job(
    what="The members of `pneumothorax and view = 'PA' and age between 40 and 60`, in process, "
    "from the question's text to the ordinals of the images.",
    goal_from="a finding and a column of few values are bitmaps in the catalog; a quarter of a "
    "join by hand, and no slower than DuckDB.",
    prepare=prepare,
    short_of="a question takes 2 ms at any size: by a profile two fifths are what words the "
    "dataset and its label sets have (of 14 statements through SQLAlchemy most), a third the "
    "bitmaps, an eighth the parser. Nothing of it is kept from one question to the next, which "
    "would be quicker and could be outdated; the join of a label with so few images takes 1 ms in "
    "all.",
)
