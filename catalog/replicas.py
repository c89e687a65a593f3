"""Where the bytes of images were seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from itertools import groupby, islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ..schemas.errors import NotFoundError
from ..schemas.tables import Dataset, Image, Replica

INODES = (1 << 63) - 1
"""The bits of an inode's number that the catalog keeps: its integers have a sign."""

_BATCH = 500  # rows a statement
_TABLE: sa.Table = Replica.__table__  # type: ignore[attr-defined]


class Problem(StrEnum):
    """What can be wrong with a replica; details follow the word after a colon."""

    DAMAGED = "damaged"
    SIZE = "size"
    UNREADABLE = "unreadable"
    GONE = "gone"

    @property
    def of_bytes(self) -> bool:
        """Whether equal bytes have the same problem."""
        return self in (Problem.DAMAGED, Problem.SIZE)

    def of(self, detail: str) -> str:
        """Return the problem with its details, as a replica has it: printable, as a text of SQL."""
        letters = (each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in detail)
        return f"{self.value}: {''.join(letters)}"


class Seen(NamedTuple):
    """An image that was seen somewhere; see `schemas.tables.Replica` for what each field is."""

    ordinal: int
    uri: str
    size: int | None = None
    checksum: str | None = None
    version: str | None = None
    stored: str | None = None
    modified: int | None = None
    inode: int | None = None
    problem: str | None = None
    study: str | None = None
    series: str | None = None
    instance: str | None = None


class Known(NamedTuple):
    """What is recorded of a place; see `schemas.tables.Replica`."""

    uri: str
    size: int | None
    modified: int | None
    inode: int | None
    problem: str | None
    ordinal: int
    checksum: str | None
    version: str | None
    stored: str | None


@dataclass(frozen=True, slots=True)
class ReplicaInfo:
    """A place where an image's bytes were seen, and when (ISO 8601, UTC); `size` in bytes."""

    source: str
    uri: str
    size: int | None
    checksum: str | None
    stored: str | None
    version: str | None
    problem: str | None
    study: str | None
    series: str | None
    instance: str | None
    seen_at: str


def record(session: Session, dataset: Dataset, source: str, seen: Iterable[Seen]) -> None:
    """Record where images were seen, each once a place; what is known of a place is renewed.

    Whoever saw the same bytes as before, and less of them, leaves what else was known of them.
    """
    now = datetime.now(UTC)
    facts = {"dataset_id": dataset.id, "source": source, "at": now}
    connection = session.connection()
    statement = _insert_of(connection)(_TABLE)
    keys = ("dataset_id", "ordinal", "uri")
    new, old = statement.excluded, _TABLE.c
    same = sa.and_(old.checksum == new.checksum, new.modified.is_(None))
    renewed: dict[str, Any] = {name: new[name] for name in old.keys() if name not in keys}  # noqa: SIM118 - columns, no dict
    for name in ("version", "modified", "inode", "study", "series", "instance"):
        renewed[name] = sa.case((same, sa.func.coalesce(new[name], old[name])), else_=new[name])
    of_bytes = sa.or_(*(old.problem.startswith(each.value) for each in Problem if each.of_bytes))
    renewed["problem"] = sa.case(
        (sa.and_(same, new.problem.is_(None), of_bytes), old.problem), else_=new.problem
    )
    statement = statement.on_conflict_do_update(index_elements=keys, set_=renewed)
    every = iter(seen)
    while rows := [{**facts, **each._asdict()} for each in islice(every, _BATCH)]:
        connection.execute(statement, rows)


def _insert_of(connection: sa.Connection) -> Callable[[sa.Table], Any]:
    if connection.dialect.name == "postgresql":
        from sqlalchemy.dialects import postgresql

        return postgresql.insert
    from sqlalchemy.dialects import sqlite

    return sqlite.insert


def of_image(session: Session, dataset: Dataset, image: str) -> list[ReplicaInfo]:
    """Return where an image was seen; raise `NotFoundError` when it is none of the dataset."""
    query = select(Image.ordinal).where(Image.dataset_id == dataset.id, Image.name == image)
    ordinal = session.exec(query).first()
    if ordinal is None:
        raise NotFoundError(f"{dataset.slug}@{dataset.version} has no image {image[:60]!r}")
    rows = session.exec(
        select(Replica)
        .where(Replica.dataset_id == dataset.id, Replica.ordinal == ordinal)
        .order_by(col(Replica.source), col(Replica.uri))
    )
    return [
        ReplicaInfo(
            seen_at=row.at.isoformat(timespec="seconds"),
            **row.model_dump(exclude={"dataset_id", "ordinal", "modified", "inode", "at"}),
        )
        for row in rows
    ]


def under(session: Session, dataset: Dataset, places: Iterable[str]) -> Iterator[tuple[Any, ...]]:
    """Yield what is recorded under the beginnings of URIs; `Known._make` reads a row.

    Members of archives (``ARCHIVE#MEMBER``) are under their archive, not under its folder.
    """
    columns = [_TABLE.c[name] for name in Known._fields]
    for place in places:
        among = sa.func.substr(_TABLE.c.uri, 1, len(place)) == place
        if place.startswith("file:") and place.endswith("/"):
            among &= _TABLE.c.uri.not_like("%#%")
        query = sa.select(*columns).where(_TABLE.c.dataset_id == dataset.id, among)
        # The driver's own rows, of texts and whole numbers: SQLAlchemy's take half as long again.
        cursor: Any = session.connection().execute(query).cursor
        yield from cursor.fetchall()


def set_problems(
    session: Session, dataset: Dataset, problems: Iterable[tuple[Known, str | None]]
) -> None:
    """Record what is wrong with replicas now; all else that is known of them stays."""
    statement = (
        sa.update(_TABLE)
        .where(
            _TABLE.c.dataset_id == dataset.id,
            _TABLE.c.ordinal == sa.bindparam("its_ordinal"),
            _TABLE.c.uri == sa.bindparam("its_uri"),
        )
        .values(problem=sa.bindparam("its_problem"))
    )
    rows = [
        {"its_ordinal": known.ordinal, "its_uri": known.uri, "its_problem": problem}
        for known, problem in problems
    ]
    if rows:
        session.connection().execute(statement, rows)


def differing(session: Session, dataset: Dataset) -> dict[int, list[Known]]:
    """Return the images whose whole replicas of one kind do not all have the same bytes.

    PNG and DICOM files are two kinds; what a DICOMweb server sends is written anew by it, and not
    compared.
    """
    columns = _TABLE.c
    kind = sa.case((columns.uri.like("%.dcm") | columns.uri.like("%.dcm#%"), 1), else_=0)
    whole = (
        (columns.dataset_id == dataset.id)
        & columns.problem.is_(None)
        & columns.uri.not_like("http%")
    )
    several = sa.or_(
        *(
            sa.func.min(column) != sa.func.max(column)
            for column in (columns.checksum, columns.stored, columns.size)
        )
    )
    connection = session.connection()
    of_dataset = sa.select(columns.ordinal).where(columns.dataset_id == dataset.id)
    repeated = of_dataset.group_by(columns.ordinal).having(sa.func.count() > 1)
    if connection.execute(repeated.limit(1)).first() is None:  # an index alone says so
        return {}
    grouped = sa.select(columns.ordinal, kind).where(whole).group_by(columns.ordinal, kind)
    found: dict[int, list[Known]] = {}
    suspects = sorted({(row[0], row[1]) for row in connection.execute(grouped.having(several))})
    for start in range(0, len(suspects), _BATCH):
        some = suspects[start : start + _BATCH]
        query = (
            sa.select(kind, *(columns[name] for name in Known._fields))
            .where(whole, columns.ordinal.in_([ordinal for ordinal, _ in some]))
            .order_by(columns.ordinal, kind, columns.uri)
        )
        rows = [(row[0], Known._make(row[1:])) for row in connection.execute(query)]
        for (ordinal, its_kind), group in groupby(rows, key=lambda row: (row[1].ordinal, row[0])):
            replicas = [row for _, row in group]
            if (ordinal, its_kind) in some and _differ(replicas):
                found.setdefault(ordinal, []).extend(replicas)
    return found


def _differ(replicas: Sequence[Known]) -> bool:
    """Tell whether checksums of one algorithm, or sizes, are several."""
    by_algorithm: dict[str, set[str | int]] = {}
    for each in replicas:
        for said in (each.checksum, each.stored):
            if said:
                by_algorithm.setdefault(said.partition(":")[0], set()).add(said)
        if each.size is not None:
            by_algorithm.setdefault("size", set()).add(each.size)
    return any(len(values) > 1 for values in by_algorithm.values())
