"""The images of a subset as typed rows, streamed in the order of their names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.tables import Dataset, Image
from .bitmaps import ordinals
from .index import DatasetIndex

_BATCH = 4_000  # members a statement
_NAMES = 500  # names a statement
_DENSE = 0.25  # from this share of its range on, a batch is read as a range

_TABLE: sa.Table = Image.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class ImageRow:
    """An image and what is said of it.

    Age in years, width and height in pixels of the original, spacing in millimetres a pixel;
    `findings` holds what the dataset's default label set says is present.
    """

    ordinal: int
    name: str
    patient: str
    follow_up: int | None
    age: int | None
    sex: str | None
    view: str | None
    width: int | None
    height: int | None
    spacing_x: float | None
    spacing_y: float | None
    findings: tuple[str, ...]


def iterate(
    session: Session, dataset: Dataset, index: DatasetIndex, members: BitMap, labels: str
) -> Iterator[ImageRow]:
    """Yield the members' rows, a batch in memory at a time."""
    said = [(name, images & members) for name, images in index.findings_of(labels, "present")]
    columns = [_TABLE.c[name] for name in ImageRow.__dataclass_fields__ if name != "findings"]
    for batch, rows in _batches(session, dataset, members, columns):
        findings: dict[int, list[str]] = {ordinal: [] for ordinal in batch}
        for name, images in said:
            for ordinal in images & batch:
                findings[ordinal].append(name)
        for row in rows:
            yield ImageRow(*(*row, tuple(findings[row[0]])))


def names(session: Session, dataset: Dataset, members: BitMap) -> Iterator[str]:
    """Yield the members' names, in order."""
    for _, rows in _batches(session, dataset, members, [_TABLE.c.ordinal, _TABLE.c.name]):
        for row in rows:
            yield row[1]


def ordinals_of(
    session: Session, dataset: Dataset, names: Sequence[str]
) -> tuple[BitMap, list[str]]:
    """Return the images of some names, and the names that are none of the release's images."""
    found, known = BitMap(), set()
    query = select(Image.name, Image.ordinal).where(Image.dataset_id == dataset.id)
    for start in range(0, len(names), _NAMES):
        some = [name for name in names[start : start + _NAMES] if name.isprintable()]
        for name, ordinal in session.exec(query.where(col(Image.name).in_(some))):
            known.add(name)
            found.add(ordinal)
    return found, [name for name in names if name not in known]


def _batches(
    session: Session, dataset: Dataset, members: BitMap, columns: list[sa.Column[Any]]
) -> Iterator[tuple[BitMap, list[Any]]]:
    """Yield (ordinals, rows) a batch; the first of the columns is the ordinal."""
    query = sa.select(*columns).where(_TABLE.c.dataset_id == dataset.id)
    query = query.order_by(_TABLE.c.ordinal)
    every = ordinals(members)
    for start in range(0, len(every), _BATCH):
        chosen = every[start : start + _BATCH].tolist()
        batch = BitMap(chosen)
        if len(chosen) >= _DENSE * (chosen[-1] - chosen[0] + 1):
            among = _TABLE.c.ordinal.between(chosen[0], chosen[-1])
        else:
            among = _TABLE.c.ordinal.in_(chosen)
        rows = session.connection().execute(query.where(among))
        yield batch, [row for row in rows if row[0] in batch]
