"""A catalog that is moved arrives whole, row for row, or not at all."""

from __future__ import annotations

import sqlite3
import tempfile
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlmodel import AutoString, SQLModel, col, select

from cxrcat.catalog import Catalog, events, moving, store
from cxrcat.catalog.progress import Unit
from cxrcat.schemas.errors import CatalogError, CheckFailedError, NotFoundError, UsageError
from cxrcat.schemas.tables import Event, Project, Subset, UtcDateTime

NewDatabase = Callable[[str | None], str]

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)
SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(1 << 70), 1 << 70)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(max_size=10)
)
DETAILS = st.dictionaries(
    st.text(max_size=5),
    st.recursive(
        SCALARS,
        lambda some: st.lists(some, max_size=3) | st.dictionaries(st.text(max_size=5), some),
        max_leaves=5,
    ),
    max_size=4,
)
MOMENTS = st.integers(-(1 << 51), 1 << 52).map(
    lambda microseconds: datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=microseconds)
)


def values_of(column: sa.Column[Any]) -> st.SearchStrategy[Any]:
    """Return what can be in a column, the odd things first."""
    kind = column.type
    found: st.SearchStrategy[Any]
    if isinstance(kind, UtcDateTime):
        found = MOMENTS
    elif isinstance(kind, sa.JSON):
        found = st.lists(DETAILS, max_size=3)
    elif isinstance(kind, sa.Boolean):
        found = st.booleans()
    elif isinstance(kind, sa.BigInteger):
        found = st.integers(-(1 << 63), (1 << 63) - 1)
    elif isinstance(kind, sa.Integer):
        found = st.integers(-(1 << 31), (1 << 31) - 1)
    elif isinstance(kind, sa.Float):
        found = st.floats(allow_nan=False)
    elif isinstance(kind, sa.LargeBinary):
        found = st.binary(max_size=40)
    else:
        assert isinstance(kind, AutoString | sa.Text), column
        found = TEXTS
    return st.none() | found if column.nullable else found


@st.composite
def contents(draw: st.DrawFn) -> dict[str, list[dict[str, Any]]]:
    """Draw a few rows of every table but the log, which refer to rows that are there."""
    drawn: dict[str, list[dict[str, Any]]] = {}
    for table in SQLModel.metadata.sorted_tables:
        if table.name == "event":
            continue
        rows = []
        for number in range(draw(st.integers(1, 3))):
            row = {}
            for column in table.columns:
                foreign = next(iter(column.foreign_keys), None)
                if foreign is not None:
                    others = drawn[foreign.column.table.name]
                    row[column.name] = others[number % len(others)][foreign.column.name]
                elif column.primary_key or _is_unique(table, column):
                    row[column.name] = _distinct(column, number, draw)
                else:
                    row[column.name] = draw(values_of(column))
            rows.append(row)
        if any(column.foreign_keys for column in table.primary_key):
            keys = [tuple(row[c.name] for c in table.primary_key) for row in rows]
            rows = [row for n, row in enumerate(rows) if keys[n] not in keys[:n]]
        drawn[table.name] = rows
    return drawn


def _is_unique(table: sa.Table, column: sa.Column[Any]) -> bool:
    own = {name for index in table.indexes if index.unique for name in index.columns.keys()}  # noqa: SIM118
    for each in table.constraints:
        if isinstance(each, sa.UniqueConstraint):
            own |= set(each.columns.keys())
    return column.name in own


def _distinct(column: sa.Column[Any], number: int, draw: st.DrawFn) -> Any:
    if isinstance(column.type, sa.Integer):
        return (1 << 30) * (number % 2) + number + 1
    return f"{number}{draw(TEXTS)}"


def fill(place: str, rows: dict[str, list[dict[str, Any]]], log: list[dict[str, Any]]) -> None:
    with closing(store.Store(place)) as opened, opened.writing() as session:
        store.migrate(session)
        for table in SQLModel.metadata.sorted_tables:
            if table.name != "event":
                session.connection().execute(sa.insert(table), rows[table.name])
        for detail in log:
            events.record(session, "ada \N{SNOWMAN}", "test", "öäü", detail=detail)


def raw(path: Path | str) -> dict[str, list[tuple[Any, ...]]]:
    """Return every row of every table as SQLite holds it."""
    with closing(sqlite3.connect(path)) as connection:
        named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
        return {
            name: sorted(connection.execute(f'SELECT * FROM "{name}"'), key=repr)  # noqa: S608
            for (name,) in named
        }


@settings(
    max_examples=12,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(rows=contents(), log=st.lists(DETAILS, min_size=1, max_size=4))
def test_a_round_trip_keeps_every_row_of_every_table(
    postgresql: NewDatabase, rows: dict[str, list[dict[str, Any]]], log: list[dict[str, Any]]
) -> None:
    with tempfile.TemporaryDirectory() as folder:
        first, last = Path(folder) / "first.sqlite", Path(folder) / "last.sqlite"
        fill(str(first), rows, log)
        url = postgresql(None)
        there = moving.copy(str(first), url)
        back = moving.copy(url, str(last))
        assert raw(first) == raw(last)
        assert there.tables == back.tables
        assert there.events == back.events == len(log)
        assert {each.table for each in there.tables} == set(SQLModel.metadata.tables)
        again = Path(folder) / "again.sqlite"
        assert moving.copy(str(first), str(again)).tables == there.tables
        assert raw(again) == raw(first)


def test_a_whole_catalog_goes_to_a_server_and_is_used_there(
    catalog: Catalog, postgresql: NewDatabase, tmp_path: Path
) -> None:
    """Copy to both databases from both, and go on there."""
    catalog.create_subset("adults", "mass and age > 17")
    before = {(each.name, each.digest) for each in catalog.subsets()}
    where = catalog._store.url.render_as_string(hide_password=False)
    for target in (postgresql(None), str(tmp_path / "other.sqlite")):
        done = Catalog.copy(where, target)
        assert {each.table: each.rows for each in done.tables}["image"] == 112_120
        with Catalog.open(target) as moved:
            assert {(each.name, each.digest) for each in moved.subsets()} == before
            assert moved.create_subset("adults", "mass and age > 18").version == 2
            with moved._store.writing() as session:
                session.add(Project(slug="screening", at=datetime.now(UTC)))
            assert moved.health().problems == ()
    assert {path.name for path in tmp_path.iterdir() if "cxrcat-" in path.name} == set()


def test_digests_do_not_depend_on_the_database(catalog: Catalog, tmp_path: Path) -> None:
    done = catalog.backup(tmp_path / "backup.sqlite")
    again = Catalog.copy(str(tmp_path / "backup.sqlite"), str(tmp_path / "again.sqlite"))
    assert done.tables == again.tables
    assert raw(tmp_path / "backup.sqlite") == raw(tmp_path / "again.sqlite")


def test_a_place_that_is_taken_is_refused(sqlite_location: str, postgresql: NewDatabase) -> None:
    path = Path(sqlite_location)
    before = path.read_bytes()
    with pytest.raises(UsageError, match="is there already"):
        Catalog.copy(sqlite_location, sqlite_location)
    notes = path.with_name("notes.txt")
    notes.write_text("somebody's")
    with pytest.raises(UsageError, match="is there already"):
        Catalog.copy(sqlite_location, str(notes))
    assert notes.read_text() == "somebody's"
    dangling = path.with_name("link.sqlite")
    dangling.symlink_to("nowhere")
    with pytest.raises(UsageError, match="is there already"):
        Catalog.copy(sqlite_location, str(dangling))
    url = postgresql(None)
    with closing(store.Store(url)) as opened, opened.writing() as session:
        session.execute(sa.text("CREATE TABLE notes (note TEXT)"))
    with pytest.raises(UsageError, match="is not empty; name an empty database"):
        Catalog.copy(sqlite_location, url)
    assert path.read_bytes() == before


@pytest.mark.parametrize("end", ["-wal", "-journal"])
def test_the_log_of_another_database_is_refused(sqlite_location: str, end: str) -> None:
    """SQLite would play it into the copy."""
    target = Path(sqlite_location).with_name("copy.sqlite")
    stale = Path(str(target) + end)
    stale.write_bytes(b"somebody's")
    with pytest.raises(UsageError, match=rf"copy\.sqlite{end}: is there already"):
        Catalog.copy(sqlite_location, str(target))
    assert not target.exists()
    assert stale.read_bytes() == b"somebody's"


def test_an_empty_file_is_filled(sqlite_location: str, tmp_path: Path) -> None:
    target = tmp_path / "empty.sqlite"
    target.touch()
    Catalog.copy(sqlite_location, str(target))
    assert raw(target) == raw(sqlite_location)


def test_what_is_no_catalog_cannot_be_copied(
    postgresql: NewDatabase, sqlite_location: str, tmp_path: Path
) -> None:
    target = tmp_path / "deep" / "copy.sqlite"
    for origin in (str(tmp_path / "nowhere" / "catalog.sqlite"), postgresql(None)):
        with pytest.raises(NotFoundError, match="there is no catalog"):
            Catalog.copy(origin, str(target))
    assert not (tmp_path / "nowhere").exists()
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '0001'")
    with pytest.raises(UsageError, match="is of an older cxrcat; bring it up first"):
        Catalog.copy(sqlite_location, str(target))
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(CatalogError, match="written by a newer cxrcat"):
        Catalog.copy(sqlite_location, str(target))
    assert not target.parent.exists()


def test_a_table_of_something_else_is_not_left_behind_silently(
    sqlite_location: str, postgresql: NewDatabase, tmp_path: Path
) -> None:
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        connection.execute("CREATE TABLE notes (note TEXT)")
    for target in (postgresql(None), str(tmp_path / "copy.sqlite")):
        with pytest.raises(UsageError, match="a table 'notes' is not of a catalog"):
            Catalog.copy(sqlite_location, target)
        assert is_empty(target)


def is_empty(place: str) -> bool:
    if "://" not in place:
        return not Path(place).exists()
    with closing(store.Store(place)) as opened, opened.reading() as session:
        return sa.inspect(session.connection()).get_table_names() == []


def test_an_altered_log_is_not_copied(
    catalog: Catalog, postgresql: NewDatabase, tmp_path: Path
) -> None:
    with catalog._store.writing() as session:
        session.execute(sa.update(Event).where(col(Event.id) == 5).values(by="mallory"))
    where = catalog._store.url.render_as_string(hide_password=False)
    for target in (postgresql(None), str(tmp_path / "copy.sqlite")):
        with pytest.raises(CheckFailedError, match="altered at entry 5, so nothing was copied"):
            Catalog.copy(where, target)
        assert is_empty(target)


@pytest.mark.parametrize(
    ("statement", "words"),
    [
        ("UPDATE subset SET note = 'a' || char(0) || 'b' WHERE id = 3", "the table subset cannot"),
        ("UPDATE image SET age = 99999999999 WHERE ordinal = 77777", "the table image cannot"),
        ("UPDATE subset SET reads = 'no JSON' WHERE id = 3", "the table subset cannot"),
    ],
)
def test_what_postgresql_cannot_hold_is_said_and_nothing_is_there(
    sqlite_location: str, postgresql: NewDatabase, statement: str, words: str
) -> None:
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        connection.execute(statement)
    url = postgresql(None)
    with pytest.raises(CatalogError, match=words):
        Catalog.copy(sqlite_location, url)
    assert is_empty(url)


def test_rows_that_came_out_otherwise_are_noticed(
    sqlite_location: str, postgresql: NewDatabase
) -> None:
    """Let the server itself change a row on its way."""
    url = postgresql(None)
    with closing(store.Store(url)) as opened, opened.writing() as session:
        session.execute(
            sa.text(
                "CREATE FUNCTION spoil() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN "
                "IF to_regclass('box') IS NOT NULL AND to_regclass('box_spoilt') IS NULL THEN "
                "CREATE SEQUENCE box_spoilt; CREATE FUNCTION change() RETURNS trigger LANGUAGE "
                "plpgsql AS 'BEGIN NEW.x := NEW.x + 1; RETURN NEW; END'; CREATE TRIGGER change "
                "BEFORE INSERT ON box FOR EACH ROW EXECUTE FUNCTION change(); END IF; END $$"
            )
        )
        session.execute(
            sa.text("CREATE EVENT TRIGGER spoil ON ddl_command_end EXECUTE FUNCTION spoil()")
        )
    with pytest.raises(CatalogError, match="the table box came out otherwise"):
        Catalog.copy(sqlite_location, url)
    assert is_empty(url)


def test_an_interrupt_leaves_nothing(
    catalog: Catalog, postgresql: NewDatabase, tmp_path: Path
) -> None:
    class Interrupted:
        @contextmanager
        def task(
            self,
            label: str,  # noqa: ARG002
            total: int | None,  # noqa: ARG002
            unit: Unit,  # noqa: ARG002
        ) -> Iterator[Callable[[int], None]]:
            def advance(_amount: int) -> None:
                raise KeyboardInterrupt

            yield advance

    where = catalog._store.url.render_as_string(hide_password=False)
    kept = sorted(tmp_path.iterdir())
    for target in (postgresql(None), str(tmp_path / "deep" / "copy.sqlite")):
        with pytest.raises(KeyboardInterrupt):
            Catalog.copy(where, target, Interrupted())
        assert is_empty(target)
    assert sorted(tmp_path.iterdir()) == kept


def test_a_backup_is_of_one_moment(catalog: Catalog, location: str, tmp_path: Path) -> None:
    """Go on writing, event and subset together, while backups are made."""
    over = threading.Event()
    made: list[int] = []

    def write() -> None:
        with Catalog.open(location) as other:
            while not over.is_set():
                other.create_subset("growing", f"age > {len(made) % 90}")
                made.append(1)

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for number in range(3):
            path = tmp_path / f"backup{number}.sqlite"
            catalog.backup(path)
            with Catalog.open(path) as copied:
                assert copied.health().problems == ()
                with copied._store.reading() as session:
                    told = session.exec(select(Event.subject).where(Event.kind == "subset.created"))
                    there = session.exec(select(Subset.name, Subset.version))
                    assert sorted(told) == sorted(f"{name}@{number}" for name, number in there)
    finally:
        over.set()
        writer.join()
    assert len(made) > 3


def test_moments_of_other_writers_are_kept(
    sqlite_location: str, postgresql: NewDatabase, tmp_path: Path
) -> None:
    """SQLite takes a moment that is written shorter, and with another zone's offset."""
    with closing(sqlite3.connect(sqlite_location)) as connection, connection:
        insert = "INSERT INTO project (id, slug, at) VALUES "
        connection.execute(f"{insert} (1, 'a', '2026-01-01')")
        connection.execute(f"{insert} (2, 'b', '2026-01-01 10:00:00')")
    url = postgresql(None)
    done = Catalog.copy(sqlite_location, url)
    assert Catalog.copy(url, str(tmp_path / "back.sqlite")).tables == done.tables
    with Catalog.open(url) as moved, moved._store.reading() as session:
        found = session.exec(select(Project.at).order_by(col(Project.id))).all()
    start = datetime(2026, 1, 1, tzinfo=UTC)
    assert found == [start, start + timedelta(hours=10)]
