"""Open a catalog's database, SQLite by path or PostgreSQL by URL, and give its transactions.

Writers are one at a time (``BEGIN IMMEDIATE``, or an advisory lock on PostgreSQL), so that the log
of events is a chain; readers never wait for them (write-ahead log, or PostgreSQL's snapshots).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import chain, islice
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.exc import ArgumentError, DBAPIError, NoSuchModuleError
from sqlmodel import Session, SQLModel, create_engine

from ..schemas.errors import CatalogError, UsageError
from ..schemas.migrations import HEAD

_WAIT = 60  # seconds that a writer waits for another one
_LOCK = 0x63787263  # "cxrc": the key of PostgreSQL's advisory lock

_VALUES = 999  # that a statement has at most, in every release of SQLite
_PRAGMAS = (
    "foreign_keys = ON",
    "synchronous = NORMAL",
    "cache_size = -65536",  # KiB
)

_FORBIDDEN = ("42501", "3F000")  # PostgreSQL: insufficient privilege; no schema may be used
_LOCKED = "55P03"  # a lock was not available in time

_HEADER = b"SQLite format 3\x00"  # https://www.sqlite.org/fileformat.html

_REVISION = sa.table("alembic_version", sa.column("version_num", sa.String))


class Store:
    """A catalog's database. Use `reading` and `writing`; both end with a clear error or none.

    `wait` is for how many seconds to wait for a server or another writer, None for what is usual.
    """

    def __init__(self, location: str, wait: int | None = None) -> None:
        self._wait = wait
        self.url = url_of(location)
        self.path = path_of(self.url)
        self.name = str(self.path) if self.path else _shown(self.url)
        self._engine = self._connectable()

    def _connectable(self) -> sa.Engine:
        try:
            if self.path is None:
                patience = {"connect_timeout": self._wait} if self._wait else {}
                return create_engine(self.url, pool_pre_ping=True, connect_args=patience)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            if not _may_be_sqlite(self.path):
                raise CatalogError(
                    f"{self.path}: not a readable SQLite file; restore it from a backup or name "
                    "another with --catalog"
                )
            engine = create_engine(self.url, connect_args={"timeout": self._wait or _WAIT})
        except ImportError as error:
            raise UsageError(
                f"{self.name}: the driver {error.name!r} is not installed; "
                "pip install 'cxrcat[postgresql]'"
            ) from error
        except OSError as error:
            raise CatalogError(
                f"{self.path}: the catalog cannot be created: {error.strerror}"
            ) from error
        sa.event.listen(engine, "connect", _prepare_sqlite)
        sa.event.listen(engine, "begin", _begin_sqlite)
        return engine

    @contextmanager
    def reading(self) -> Iterator[Session]:
        """Give a session on one consistent state of the catalog, which it cannot change."""
        engine = self._engine
        if self.path is None:
            engine = engine.execution_options(
                isolation_level="REPEATABLE READ", postgresql_readonly=True
            )
        with self._translated(), Session(engine) as session:
            yield session

    @contextmanager
    def writing(self) -> Iterator[Session]:
        """Give the one writing session; commit at the end, or leave everything as it was."""
        engine = self._engine.execution_options(cxrcat_writes=True)
        with self._translated(), Session(engine) as session, session.begin():
            if self.path is None:
                wait = sa.func.set_config("lock_timeout", f"{self._wait or _WAIT}s", True)
                session.execute(sa.select(wait))
                session.execute(sa.select(sa.func.pg_advisory_xact_lock(_LOCK)))
            yield session

    @contextmanager
    def _translated(self) -> Iterator[None]:
        try:
            yield
        except DBAPIError as error:
            raise CatalogError(f"{self.name}: {self._reason(error)}") from error

    def _reason(self, error: DBAPIError) -> str:
        if getattr(error.orig, "sqlstate", None) not in _FORBIDDEN:
            return _reason(error, self.path, self._wait or _WAIT)
        from .rights import refusal

        # The transaction is over: who could give the right is asked on a connection of its own.
        with self._engine.connect() as connection:
            return refusal(connection, error.statement or "")

    def close(self) -> None:
        """Let go of the database."""
        self._engine.dispose()


def revision(session: Session, name: str) -> str | None:
    """Return the revision of the catalog's tables, None when it has none yet.

    Raises `CatalogError` when the database belongs to something else, or to a newer cxrcat.
    """
    connection = session.connection()
    inspector = sa.inspect(connection)
    if not inspector.has_table("alembic_version"):
        if inspector.get_table_names():
            raise CatalogError(
                f"{name}: this database holds something other than a catalog; "
                "name another with --catalog"
            )
        return None
    found = connection.execute(sa.select(_REVISION.c.version_num)).scalar()
    if found is None or found > HEAD:
        raise CatalogError(
            f"{name}: written by a newer cxrcat (its revision is {found}, this one knows {HEAD}); "
            "upgrade cxrcat, or name another catalog with --catalog"
        )
    return str(found)


def is_current(session: Session) -> bool:
    """Tell in one statement whether the catalog is there, and of this release's revision."""
    try:
        found = session.connection().execute(sa.select(_REVISION.c.version_num)).scalar()
    except DBAPIError as error:
        if "alembic_version" not in str(error.orig):
            raise
        session.rollback()
        return False
    return found == HEAD


def migrate(session: Session) -> None:
    """Bring the tables to this release's revision, inside the session's transaction."""
    from alembic import command
    from alembic.config import Config

    config = Config()
    folder = Path(__file__).parent.parent / "schemas" / "migrations"
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.set_main_option("path_separator", "os")
    config.attributes["connection"] = session.connection()
    command.upgrade(config, "head")


def insert_many(session: Session, model: type[SQLModel], rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows in bulk: tuples of all of the table's columns, in their order.

    Values go to the driver as they are, so they must be of types that the driver knows.
    """
    insert_rows(session, model.__table__, rows)  # type: ignore[attr-defined]


def insert_rows(session: Session, table: sa.Table, rows: Iterable[Sequence[Any]]) -> None:
    """Insert rows in bulk into a table; see `insert_many`."""
    connection = session.connection()
    driver: Any = connection.connection.driver_connection
    insert = _copy if connection.dialect.name == "postgresql" else _insert
    try:
        insert(driver, table, rows, connection.dialect)
    except connection.dialect.loaded_dbapi.Error as error:  # as SQLAlchemy would have raised it
        raise DBAPIError(f"INSERT INTO {table.name}", None, error) from error


def _copy(driver: Any, table: sa.Table, rows: Iterable[Sequence[Any]], _: sa.Dialect) -> None:
    from psycopg import sql

    names = sql.SQL(", ").join(sql.Identifier(column.name) for column in table.columns)
    statement = sql.SQL("COPY {} ({}) FROM STDIN").format(sql.Identifier(table.name), names)
    with driver.cursor() as cursor, cursor.copy(statement) as copy:
        for row in rows:
            copy.write_row(row)


def _insert(
    driver: Any, table: sa.Table, rows: Iterable[Sequence[Any]], dialect: sa.Dialect
) -> None:
    one = str(sa.insert(table).compile(dialect=dialect))
    another = ", " + one.partition(" VALUES ")[2]
    every = iter(rows)
    while some := list(islice(every, _VALUES // len(table.columns))):
        # Many rows a statement take two thirds of the time of one a statement.
        driver.execute(one + another * (len(some) - 1), list(chain.from_iterable(some)))


@contextmanager
def without_indexes(session: Session, model: type[SQLModel]) -> Iterator[None]:
    """Make the indexes of a table anew after it was filled, if it is empty: that is much faster."""
    table: sa.Table = model.__table__  # type: ignore[attr-defined]
    connection = session.connection()
    empty = connection.execute(sa.select(sa.literal(1)).select_from(table).limit(1)).first() is None
    indexes = sorted(table.indexes, key=lambda index: str(index.name)) if empty else []
    for index in indexes:
        index.drop(connection)
    yield
    for index in indexes:
        index.create(connection)


def url_of(location: str) -> URL:
    """Return a path or URL as the URL of a catalog; raise `UsageError` when it can be none."""
    if "://" not in location:
        return URL.create("sqlite", database=str(Path(location).expanduser().absolute()))
    try:
        url = make_url(location)
        if url.drivername in ("postgresql", "postgres"):
            url = url.set(drivername="postgresql+psycopg")
        url.get_dialect()
    except ImportError:
        return url  # the driver is missing: said when the engine is made
    except (ArgumentError, NoSuchModuleError, ValueError) as error:
        raise UsageError(
            "the catalog is neither a path nor a database URL that is known; "
            "write a path, sqlite:///PATH or postgresql://USER@HOST/NAME"
        ) from error
    if url.get_backend_name() not in ("sqlite", "postgresql"):
        raise UsageError(
            f"a catalog lives in SQLite or PostgreSQL, not in {url.get_backend_name()}"
        )
    if _is_sqlite(url) and url.database in (None, "", ":memory:"):
        raise UsageError("a catalog in SQLite needs a file; name the file, as in sqlite:///PATH")
    return url


def path_of(url: URL) -> Path | None:
    """Return the file of a catalog in SQLite, None for another one."""
    return Path(url.database) if _is_sqlite(url) and url.database else None


def _may_be_sqlite(path: Path) -> bool:
    """Tell a database or an empty file from another; SQLite would write over one of few bytes."""
    if not path.is_file():
        return True
    with path.open("rb") as stream:
        return stream.read(len(_HEADER)) in (b"", _HEADER)


def _is_sqlite(url: URL) -> bool:
    return url.get_backend_name() == "sqlite"


def _shown(url: URL) -> str:
    """Return a URL without what is secret in it; libpq also takes passwords as parameters."""
    hidden = {name: "***" for name in url.query if "password" in name.lower()}
    return url.update_query_dict(hidden).render_as_string(hide_password=True)


def _prepare_sqlite(connection: Any, _record: object) -> None:
    connection.isolation_level = None  # transactions are begun by `_begin_sqlite`, DDL included
    named = connection.execute("SELECT name FROM sqlite_master WHERE type = 'table'")
    tables = {name for (name,) in named}
    if not tables or _REVISION.name in tables:  # this one is written into the file: only into ours
        connection.execute("PRAGMA journal_mode = WAL")
    for pragma in _PRAGMAS:
        connection.execute(f"PRAGMA {pragma}")


def _begin_sqlite(connection: sa.Connection) -> None:
    writes = connection.get_execution_options().get("cxrcat_writes")
    connection.exec_driver_sql("BEGIN IMMEDIATE" if writes else "BEGIN")


def _reason(error: DBAPIError, path: Path | None, wait: float) -> str:
    said = " ".join(str(error.orig).split())
    if "is not a database" in said or "malformed" in said:
        return f"not a readable SQLite file ({said}); restore it from a backup or name another"
    if "locked" in said or getattr(error.orig, "sqlstate", None) == _LOCKED:
        return f"another process kept the catalog locked for {wait} seconds; try again"
    if "disk is full" in said or "No space left" in said:
        return "the disk is full; nothing was written"
    if "unable to open" in said or "readonly" in said:
        return f"the catalog cannot be opened for writing; check the rights of {path}"
    return f"the database refused: {said}"
