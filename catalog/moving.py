"""Move a whole catalog between databases, and back one up: every row, or nothing.

Rows pass as the plain values that both databases keep alike: whole numbers, floats, texts, bytes;
JSON as its text, and moments as text in UTC. While they pass, the digest of each table is made, and
compared with that of what the copy holds before the copy is kept.
"""

from __future__ import annotations

import os
import sqlite3
import uuid
from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import sqlalchemy as sa
import xxhash
from sqlalchemy.exc import DBAPIError
from sqlmodel import Session, SQLModel

from ..schemas import tables as _tables  # noqa: F401 - registers the tables
from ..schemas.checksum import Checksum
from ..schemas.errors import CatalogError, CheckFailedError, NotFoundError, SourceError, UsageError
from ..schemas.migrations import HEAD
from ..schemas.tables import UtcDateTime
from . import events
from .export.staging import staged
from .progress import SILENT, Advance, Progress
from .store import Store, insert_rows, migrate, path_of, revision, url_of

_REVISION = "alembic_version"
_ROWS = 500  # that are read at a time
_PAGES = 2048  # that SQLite copies at a time
_MOMENT = "YYYY-MM-DD HH24:MI:SS.US"
_LONG = len("2026-01-01 00:00:00.000000")  # as SQLAlchemy writes a moment into SQLite
_BITS = (1 << 128) - 1

Row = tuple[Any, ...]


@dataclass(frozen=True, slots=True)
class TableCopied:
    """A table as both catalogs have it; the digest is the same whatever database holds the rows."""

    table: str
    rows: int
    digest: str


@dataclass(frozen=True, slots=True)
class Copied:
    """A catalog that was copied and compared: its places, and every table."""

    origin: str
    target: str
    revision: str
    events: int
    tables: tuple[TableCopied, ...]


def copy(origin: str, target: str, progress: Progress = SILENT) -> Copied:
    """Copy the catalog at one place to another, where nothing may be yet; compare, then keep it.

    Raises `NotFoundError` or `UsageError` for places that do not fit, `CheckFailedError` when the
    log of the origin was altered, and `CatalogError` or `SourceError` when a database or disk
    fails. Then nothing is at the target.
    """
    path = path_of(url_of(origin))
    if path is not None and not path.is_file():
        raise NotFoundError(f"{path}: there is no catalog; name its file or URL")
    with closing(Store(origin)) as store:
        with store.reading() as session:
            found = revision(session, store.name)
        if found is None:
            raise NotFoundError(f"{store.name}: there is no catalog; name its file or URL")
        if found != HEAD:
            raise UsageError(
                f"{store.name}: is of an older cxrcat; bring it up first, with "
                f"cxrcat --catalog {store.name} doctor"
            )
        return copy_store(store, target, progress)


def backup(store: Store, path: Path, progress: Progress = SILENT) -> Copied:
    """Copy an open catalog into a new SQLite file while others go on writing; see `copy`."""
    return copy_store(store, str(path.absolute()), progress)


def copy_store(origin: Store, target: str, progress: Progress) -> Copied:
    """Copy an open catalog of this release's revision; see `copy`."""
    path = path_of(url_of(target))
    if path is not None:
        return _into_file(origin, path, progress)
    with closing(Store(target)) as store, origin.reading() as session, store.writing() as writer:
        present = sa.inspect(writer.connection()).get_table_names()
        if present:
            raise UsageError(f"{store.name}: is not empty; name an empty database")
        return _copied(origin, session, store.name, writer, _copy_rows(session, writer, progress))


def _into_file(origin: Store, path: Path, progress: Progress) -> Copied:
    _check_free(path)
    with staged(path, str(uuid.uuid4()), "catalog") as folder:
        draft = folder / "catalog.sqlite"
        with origin.reading() as session:
            if origin.path is None:
                with closing(Store(str(draft))) as store, store.writing() as writer:
                    rows = _copy_rows(session, writer, progress)
                    done = _copied(origin, session, str(path), writer, rows)
            else:
                _copy_pages(session, draft, progress)
                with closing(Store(str(draft))) as store, store.reading() as reader:
                    rows = _digests(session)
                    done = _copied(origin, session, str(path), reader, rows)
        _publish(draft, path)
    return done


def _check_free(path: Path) -> None:
    """Refuse a place where something is; SQLite would take an old log there for the new file's."""
    for place in (path, *(path.with_name(path.name + end) for end in ("-wal", "-journal"))):
        if os.path.lexists(place) and (place != path or not _is_empty(place)):
            raise UsageError(f"{place}: is there already; name a file that is not")


def _is_empty(path: Path) -> bool:
    return path.is_file() and not path.is_symlink() and path.stat().st_size == 0


def _publish(draft: Path, path: Path) -> None:
    """Bring the file to its place on disk, where nothing must have come to be meanwhile."""
    with draft.open("rb") as stream:
        os.fsync(stream.fileno())
    _check_free(path)
    if path.exists():
        path.unlink()
    try:
        path.hardlink_to(draft)
    except FileExistsError as error:
        raise UsageError(f"{path}: is there already; name a file that is not") from error
    except OSError:  # a file system without links
        draft.rename(path)
    descriptor = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(OSError):  # some file systems cannot sync a folder
            os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _copy_pages(session: Session, draft: Path, progress: Progress) -> None:
    """Have SQLite copy its pages, all of the one state that the session reads."""
    _tables_of(session)  # reads, which is when SQLite fixes the state
    driver: Any = session.connection().connection.driver_connection
    (pages,) = driver.execute("PRAGMA page_count").fetchone()
    (size,) = driver.execute("PRAGMA page_size").fetchone()
    left = pages
    with (
        progress.task("copying", pages * size, "bytes") as advance,
        closing(sqlite3.connect(draft)) as copy,
    ):

        def tell(_status: int, remaining: int, _total: int) -> None:
            nonlocal left
            advance((left - remaining) * size)
            left = remaining

        try:
            driver.backup(copy, pages=_PAGES, progress=tell)
        except sqlite3.Error as error:
            raise SourceError(f"{draft.parent.parent}: cannot be written: {error}") from error


def _copy_rows(session: Session, writer: Session, progress: Progress) -> list[TableCopied]:
    """Copy every table, and number on from there; return what passed."""
    tables = _tables_of(session)
    total = sum(_count(session, table) for table in tables)
    migrate(writer)
    postgresql = writer.connection().dialect.name == "postgresql"
    done = []
    with progress.task("copying", total, "rows") as advance:
        for table in tables:
            tally = _Tally(table.name)
            moments = _moments(table) if postgresql else ()
            try:
                with (
                    closing(_rows(session, table)) as rows,
                    closing(_passing(rows, tally, moments, advance)) as passing,
                ):
                    insert_rows(writer, table, passing)
            except DBAPIError as error:
                said = " ".join(str(error.orig).split())
                raise CatalogError(
                    f"the table {table.name} cannot be copied, so nothing was: {said}"
                ) from error
            if postgresql:
                _number_on(writer, table)
            done.append(tally.result())
    return done


def _passing(
    rows: Iterable[Row], tally: _Tally, moments: Sequence[int], advance: Advance
) -> Generator[Row, None, None]:
    for row in rows:
        tally.add(row)
        advance(1)
        if moments:
            changed = list(row)
            for place in moments:
                changed[place] = row[place] and f"{row[place]}+00"
            yield tuple(changed)
        else:
            yield row


def _number_on(writer: Session, table: sa.Table) -> None:
    """Have PostgreSQL number the next row after those that were copied."""
    column = table.autoincrement_column
    if column is None:
        return
    connection = writer.connection()
    quoted = connection.dialect.identifier_preparer.quote_identifier(table.name)
    sequence = sa.func.pg_get_serial_sequence(quoted, column.name)
    if connection.execute(sa.select(sequence)).scalar() is None:
        return
    last = sa.select(sa.func.coalesce(sa.func.max(column), 0)).scalar_subquery()
    connection.execute(sa.select(sa.func.setval(sequence, sa.func.greatest(last, 1), last > 0)))


def _copied(
    origin: Store, session: Session, target: str, reader: Session, passed: list[TableCopied]
) -> Copied:
    """Compare the copy with what passed, and both logs; return what the copy holds."""
    broken = events.first_broken(session)
    if broken is not None:
        raise CheckFailedError(
            f"{origin.name}: the event log was altered at entry {broken}, so nothing was copied"
        )
    for before, after in zip(passed, _digests(reader), strict=True):
        if before != after:
            raise CatalogError(
                f"{target}: the table {after.table} came out otherwise ({before.rows:,} rows "
                f"{before.digest}, then {after.rows:,} rows {after.digest}), so nothing was kept"
            )
    if events.first_broken(reader) is not None:
        raise CatalogError(f"{target}: the event log came out otherwise, so nothing was kept")
    return Copied(origin.name, target, HEAD, events.count(reader), tuple(passed))


def _digests(session: Session) -> list[TableCopied]:
    done = []
    for table in _tables_of(session):
        tally = _Tally(table.name)
        for row in _rows(session, table):
            tally.add(row)
        done.append(tally.result())
    return done


def _tables_of(session: Session) -> list[sa.Table]:
    """Return the tables in the order in which they refer to each other."""
    known = SQLModel.metadata.sorted_tables
    names = {table.name for table in known} | {_REVISION}
    others = set(sa.inspect(session.connection()).get_table_names()) - names
    if others:
        raise UsageError(f"a table {min(others)!r} is not of a catalog, so nothing was copied")
    return known


def _count(session: Session, table: sa.Table) -> int:
    return int(
        session.connection().execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
    )


def _rows(session: Session, table: sa.Table) -> Generator[Row, None, None]:
    """Yield a table's rows as plain values, some at a time."""
    connection = session.connection()
    plain = _plain_postgresql if connection.dialect.name == "postgresql" else _plain_sqlite
    query = sa.select(*(plain(column).label(column.name) for column in table.columns))
    moments = () if plain is _plain_postgresql else _moments(table)
    with closing(connection.execute(query, execution_options={"yield_per": _ROWS})) as rows:
        for row in rows:
            yield _in_full(row, moments) if moments else tuple(row)


def _plain_postgresql(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, UtcDateTime):
        return sa.func.to_char(sa.func.timezone("UTC", column), _MOMENT)
    if isinstance(column.type, sa.JSON):
        return sa.cast(column, sa.Text)
    if isinstance(column.type, sa.Boolean):
        return sa.cast(column, sa.Integer)
    return column


def _plain_sqlite(column: sa.Column[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, UtcDateTime | sa.JSON):
        return sa.type_coerce(column, sa.Text)
    if isinstance(column.type, sa.Boolean):
        return sa.type_coerce(column, sa.Integer)
    return column


def _moments(table: sa.Table) -> tuple[int, ...]:
    """Return the places of the columns that hold moments."""
    columns = enumerate(table.columns)
    return tuple(place for place, column in columns if isinstance(column.type, UtcDateTime))


def _in_full(row: sa.Row[Any], moments: Sequence[int]) -> Row:
    """Return a row of SQLite in which every moment is written in full."""
    if all(row[place] is None or len(row[place]) == _LONG for place in moments):
        return tuple(row)
    changed = list(row)
    for place in moments:
        moment = datetime.fromisoformat(row[place]).replace(tzinfo=UTC)
        changed[place] = moment.strftime("%Y-%m-%d %H:%M:%S.%f")
    return tuple(changed)


class _Tally:
    """The digest of a table's rows in any order, since databases sort texts in ways of their own.

    The XXH3-128 of each row as Python spells it in ASCII are added up.
    """

    def __init__(self, table: str) -> None:
        self._table = table
        self._rows = self._sum = 0
        self._digest: Callable[[bytes], int] = xxhash.xxh3_128_intdigest

    def add(self, row: Row) -> None:
        """Count a row in."""
        self._rows += 1
        self._sum += self._digest(ascii(row).encode())

    def result(self) -> TableCopied:
        """Return what was counted."""
        text = f"{self._table} {self._rows} {self._sum & _BITS:032x}"
        digest = Checksum("xxh128", xxhash.xxh3_128_hexdigest(text.encode()))
        return TableCopied(self._table, self._rows, str(digest))
