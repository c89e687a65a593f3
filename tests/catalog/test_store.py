"""A catalog's database: whatever is wrong is one line, and a failed write leaves nothing."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlmodel import col, select

from cxrcat.catalog import Catalog, store
from cxrcat.schemas.errors import CatalogError, CxrcatError, UsageError
from cxrcat.schemas.migrations import HEAD
from cxrcat.schemas.tables import Project

SECRET = "p4ssw0rd"  # noqa: S105 - nobody's


def refusal(location: str | Path, kind: type[CxrcatError] = CatalogError) -> str:
    with pytest.raises(kind) as caught:
        Catalog.open(location)
    assert type(caught.value) is kind
    line = str(caught.value)
    assert line.isprintable()
    assert SECRET not in line
    return line


@pytest.mark.parametrize(
    ("location", "message"),
    [
        ("nonsense://x", "neither a path nor a database URL that is known"),
        ("://", "neither a path nor a database URL that is known"),
        ("postgresql://host:port/x", "neither a path nor a database URL that is known"),
        (f"postgresql+nonsense://ada:{SECRET}@host/x", "neither a path nor a database URL"),
        ("mysql+pymysql://host/x", "lives in SQLite or PostgreSQL, not in mysql"),
        (f"mssql+pyodbc://ada:{SECRET}@host/x", "lives in SQLite or PostgreSQL, not in mssql"),
        ("sqlite://", "name the file, as in sqlite:///PATH"),
        ("sqlite:///:memory:", "name the file, as in sqlite:///PATH"),
    ],
)
def test_a_location_that_cannot_be_a_catalog(location: str, message: str) -> None:
    assert message in refusal(location, UsageError)


def test_a_missing_driver_is_named_with_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in [name for name in sys.modules if name.partition(".")[0] == "psycopg"]:
        monkeypatch.delitem(sys.modules, module)
    monkeypatch.setitem(sys.modules, "psycopg", None)
    line = refusal(f"postgresql://ada:{SECRET}@host/x", UsageError)
    assert "the driver 'psycopg' is not installed; pip install 'cxrcat[postgresql]'" in line


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://ada:{SECRET}@127.0.0.1:1/x",
        f"postgres://ada:{SECRET}@127.0.0.1:1/x",
        f"postgresql+psycopg://127.0.0.1:1/x?user=ada&password={SECRET}",
        f"postgresql://127.0.0.1:1/x?sslpassword={SECRET}&sslmode=prefer",
    ],
)
def test_a_password_is_not_shown(url: str) -> None:
    assert "127.0.0.1:1" in refusal(url)
    opened = store.Store(url)
    assert SECRET not in opened.name
    assert opened.path is None
    opened.close()


def test_a_path_may_be_written_in_several_ways(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    expected = str(tmp_path / "a b.sqlite")
    for location in ("a b.sqlite", "~/a b.sqlite", expected, f"sqlite:///{expected}"):
        opened = store.Store(location)
        assert opened.name == expected
        opened.close()


def test_folders_on_the_way_are_made(tmp_path: Path, template: Path) -> None:
    path = tmp_path / "deep" / "er" / "catalog.sqlite"
    store.Store(str(path)).close()
    assert path.parent.is_dir()
    (tmp_path / "file").touch()
    assert "the catalog cannot be created: " in refusal(tmp_path / "file" / "catalog.sqlite")
    assert template.exists()


def test_what_is_not_a_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "notes.txt"
    path.write_text("not a database, but somebody's notes " * 100)
    before = path.read_bytes()
    assert "not a readable SQLite file" in refusal(path)
    assert path.read_bytes() == before
    assert "the catalog cannot be opened for writing" in refusal(tmp_path)
    assert sorted(each.name for each in tmp_path.iterdir()) == ["notes.txt"]


def test_a_foreign_sqlite_database_is_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "other.sqlite"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE notes (note TEXT)")
    before = path.read_bytes()
    line = refusal(path)
    assert "holds something other than a catalog; name another with --catalog" in line
    assert path.read_bytes() == before
    assert [each.name for each in tmp_path.iterdir()] == ["other.sqlite"]


def test_a_foreign_postgresql_database_is_left_alone(request: pytest.FixtureRequest) -> None:
    url = request.getfixturevalue("postgresql")(None)
    opened = store.Store(url)
    with opened.writing() as session:
        session.execute(sa.text("CREATE TABLE notes (note TEXT)"))
    assert "holds something other than a catalog" in refusal(url)
    with opened.reading() as session:
        assert sa.inspect(session.connection()).get_table_names() == ["notes"]
    opened.close()


@pytest.mark.parametrize("revision", ["0999", "9", "zz"])
def test_a_catalog_of_a_newer_release_is_refused(location: str, revision: str) -> None:
    opened = store.Store(location)
    with opened.writing() as session:
        session.execute(sa.text("UPDATE alembic_version SET version_num = :to"), {"to": revision})
    opened.close()
    line = refusal(location)
    assert f"its revision is {revision}, this one knows {HEAD}); upgrade cxrcat" in line


def test_a_truncated_catalog_is_a_clear_error(sqlite_location: str) -> None:
    path = Path(sqlite_location)
    path.write_bytes(path.read_bytes()[:100_000])
    assert "restore it from a backup" in refusal(path)


@pytest.fixture
def opened(location: str) -> Iterator[store.Store]:
    found = store.Store(location)
    yield found
    found.close()


def test_a_failed_write_leaves_nothing(opened: store.Store) -> None:
    project = Project(slug="screening", at=sa.func.now())

    def fail() -> None:
        with opened.writing() as session:
            session.add(project)
            session.flush()
            raise RuntimeError("in the middle")

    with pytest.raises(RuntimeError, match="in the middle"):
        fail()
    with opened.reading() as session:
        assert session.exec(select(col(Project.id))).all() == []


def test_what_the_database_refuses_is_one_line(opened: store.Store) -> None:
    with (
        pytest.raises(CatalogError, match="the database refused: ") as caught,
        opened.writing() as session,
    ):
        session.execute(sa.text("INSERT INTO box VALUES (99, 'x', 1, 1, 'mass', 0, 0, 1, 1)"))
    assert str(caught.value).startswith(opened.name)
    assert str(caught.value).isprintable()
    with pytest.raises(CatalogError), opened.reading() as session:
        session.execute(sa.text("SELECT nothing FROM nowhere"))


def test_reading_sees_one_state(opened: store.Store) -> None:
    other = store.Store(opened.url.render_as_string(hide_password=False))
    with opened.reading() as session:
        assert session.exec(select(col(Project.id))).all() == []
        with other.writing() as writer:
            writer.execute(sa.text("INSERT INTO project (slug, at) VALUES ('x', '2026-01-01')"))
        assert session.exec(select(col(Project.id))).all() == []
    with opened.reading() as session:
        assert len(session.exec(select(col(Project.id))).all()) == 1
    other.close()


def test_sqlite_keeps_foreign_keys_and_a_write_ahead_log(sqlite_location: str) -> None:
    opened = store.Store(sqlite_location)
    with opened.reading() as session:
        for pragma, value in (("journal_mode", "wal"), ("foreign_keys", 1), ("synchronous", 1)):
            assert session.execute(sa.text(f"PRAGMA {pragma}")).scalar() == value
    opened.close()


def test_a_reader_does_not_wait_for_a_writer(sqlite_location: str) -> None:
    one, two = store.Store(sqlite_location), store.Store(sqlite_location)
    with one.writing() as writer:
        writer.execute(sa.text("INSERT INTO project (slug, at) VALUES ('x', '2026-01-01')"))
        with two.reading() as reader:
            assert reader.exec(select(col(Project.id))).all() == []
    one.close()
    two.close()


def test_reading_cannot_write(request: pytest.FixtureRequest) -> None:
    create = request.getfixturevalue("postgresql")
    opened = store.Store(create(request.getfixturevalue("postgresql_template")))
    with (
        pytest.raises(CatalogError, match="read-only transaction"),
        opened.reading() as session,
    ):
        session.execute(sa.text("INSERT INTO project (slug, at) VALUES ('x', '2026-01-01')"))
    with opened.writing() as session:  # on the same connection of the pool
        session.execute(sa.text("INSERT INTO project (slug, at) VALUES ('x', '2026-01-01')"))
    opened.close()


def test_a_writer_that_waited_in_vain_says_so(
    location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = store.Store(location)
    monkeypatch.setattr(store, "_WAIT", 1)
    two = store.Store(location)
    with one.writing() as writer:
        writer.execute(sa.text("SELECT 1"))
        with (
            pytest.raises(CatalogError, match="another process kept the catalog locked"),
            two.writing() as waiting,
        ):
            waiting.execute(sa.text("SELECT 1"))
    one.close()
    two.close()


def test_opening_an_old_catalog_again_changes_nothing(sqlite_location: str) -> None:
    Catalog.open(sqlite_location).close()
    before = Path(sqlite_location).read_bytes()
    Catalog.open(sqlite_location).close()
    assert Path(sqlite_location).read_bytes() == before
