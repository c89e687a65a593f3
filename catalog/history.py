"""The versions of a subset, one after another, and what each gained and lost."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.tables import Subset
from . import subsets
from .bitmaps import load


@dataclass(frozen=True, slots=True)
class VersionInfo:
    """A version of a subset, and the images it has more and fewer than the version before.

    `gained` and `lost` are None for the first version.
    """

    version: int
    at: str
    by: str
    query: str
    operation: str
    images: int
    patients: int
    gained: int | None
    lost: int | None
    note: str | None
    digest: str


def log(session: Session, name: str) -> list[VersionInfo]:
    """Return every version of a subset, the first one first; ``name@version`` ends with that one.

    Raises `NotFoundError` that names the nearest.
    """
    last = subsets.get(session, name)
    query = (
        select(Subset)
        .where(Subset.dataset_id == last.dataset_id, Subset.name == last.name)
        .where(Subset.version <= last.version)
        .order_by(col(Subset.version))
    )
    return list(_told(session.exec(query)))


def _told(rows: Iterator[Subset]) -> Iterator[VersionInfo]:
    before: BitMap | None = None
    for row in rows:
        members = load(row.members)
        yield VersionInfo(
            version=row.version,
            at=row.at.isoformat(timespec="seconds"),
            by=row.by,
            query=row.query,
            operation=row.operation,
            images=row.images,
            patients=row.patients,
            gained=None if before is None else members.difference_cardinality(before),
            lost=None if before is None else before.difference_cardinality(members),
            note=row.note,
            digest=row.digest,
        )
        before = members
