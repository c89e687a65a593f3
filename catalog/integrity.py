"""What is damaged in a catalog: the database itself, its log, its bitmaps, its counts."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, func, select

from ..schemas.errors import CatalogError
from ..schemas.tables import (
    Box,
    Dataset,
    Facet,
    Finding,
    Image,
    LabelSet,
    PatientIndex,
    Reading,
    Replica,
    Subset,
    Withdrawal,
)
from . import events
from .bitmaps import digest, load

_ROWS = 100  # bitmaps that are read at a time
_RANK = 4  # bytes of an image's patient in the index
_ADVICE = "restore it from a backup"


def problems(session: Session) -> Iterator[str]:
    """Yield a line for each damage."""
    if session.connection().dialect.name == "sqlite":
        damages = list(_of_file(session))
        if damages:  # what else is read of it may be anything
            yield from damages
            return
    broken = events.first_broken(session)
    if broken is not None:
        yield f"the event log was altered at entry {broken}; {_ADVICE}"
    for dataset in session.exec(select(Dataset).order_by(col(Dataset.id))).all():
        yield from _of_images(session, dataset)
        for what, blob, images, recorded in _bitmaps(session, dataset):
            fault = _fault(blob, dataset.images, images, recorded)
            if fault is not None:
                yield f"the members of {what} are damaged ({fault}); {_ADVICE}"


def _of_file(session: Session) -> Iterator[str]:
    connection = session.connection()
    said = connection.execute(sa.text("PRAGMA integrity_check(1)")).scalar()
    if said != "ok":
        yield f"the database is damaged: {' '.join(str(said).split())}; {_ADVICE}"
        return
    loose = {(row[0], row[2]) for row in connection.execute(sa.text("PRAGMA foreign_key_check"))}
    for table, other in sorted(loose):
        yield f"the database is damaged: rows of {table} name no row of {other}; {_ADVICE}"


def _of_images(session: Session, dataset: Dataset) -> Iterator[str]:
    """Compare the images with what the dataset says, and what names one with the images."""
    name = f"{dataset.slug}@{dataset.version}"
    query = select(func.count(), func.min(Image.ordinal), func.max(Image.ordinal))
    count, first, last = session.exec(query.where(Image.dataset_id == dataset.id)).one()
    if count != dataset.images or (count and (first, last) != (0, count - 1)):
        yield f"{name} has {count:,} images where {dataset.images:,} were recorded; {_ADVICE}"
    size = select(func.length(PatientIndex.ranks)).where(PatientIndex.dataset_id == dataset.id)
    if session.exec(size).first() != _RANK * dataset.images:
        yield f"the index of the patients of {name} is damaged; {_ADVICE}"
    for table in (Box, Replica, Withdrawal):
        ordinal = col(table.ordinal)
        beyond = select(func.count()).where(table.dataset_id == dataset.id)
        strays = session.exec(beyond.where((ordinal < 0) | (ordinal >= dataset.images))).one()
        if strays:
            yield (f"{strays:,} rows of {table.__tablename__} name no image of {name}; {_ADVICE}")


def _bitmaps(
    session: Session, dataset: Dataset
) -> Iterator[tuple[str, bytes, int | None, str | None]]:
    """Yield each bitmap of a release: what it is, itself, its size and its digest as recorded."""
    own: Any = (Subset.name, Subset.version, Subset.members, Subset.images, Subset.digest)
    rows = sa.select(*own).where(col(Subset.dataset_id) == dataset.id).order_by(col(Subset.id))
    for name, version, blob, images, recorded in _few(session, rows):
        yield f"{name}@{version}", blob, images, recorded
    for table, words in ((Finding, ()), (Reading, (Reading.reader,))):
        said: Any = (LabelSet.slug, *words, table.name, table.state)
        rows = sa.select(*said, col(table.members), col(table.images))
        rows = rows.join(LabelSet, col(LabelSet.id) == table.label_set_id)
        rows = rows.where(col(LabelSet.dataset_id) == dataset.id).order_by(*said)
        for *parts, blob, images in _few(session, rows):
            yield f"the {table.__tablename__} {' '.join(parts)}", blob, images, None
    facet: Any = (Facet.field, Facet.value, Facet.members)
    rows = sa.select(*facet).where(col(Facet.dataset_id) == dataset.id).order_by(*facet[:2])
    for field, value, blob in _few(session, rows):
        yield f"{field} = {value!r}", blob, None, None


def _few(session: Session, query: sa.Select[Any]) -> Iterator[Any]:
    with closing(session.execute(query, execution_options={"yield_per": _ROWS})) as rows:
        yield from rows


def _fault(blob: bytes, total: int, images: int | None, recorded: str | None) -> str | None:
    """Return what is wrong with a bitmap, None when all is well."""
    try:
        members: BitMap = load(blob)
    except CatalogError:
        return "no bitmap"
    if members and members.max() >= total:
        return f"image {members.max():,} of {total:,}"
    if images is not None and len(members) != images:
        return f"{len(members):,} images where {images:,} were recorded"
    if recorded is not None and str(digest(members)) != recorded:
        return "another digest than the recorded one"
    return None
