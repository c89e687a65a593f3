"""The boxes that readers drew around findings in the images of a subset."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.descriptor import Descriptor
from ..schemas.tables import Box, Dataset, key_of
from . import images

_TABLE: sa.Table = Box.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class BoxRow:
    """A box: its image, its finding, and its rectangle in pixels of the released image.

    `x` and `y` are those of its left upper corner, from that of the image.
    """

    ordinal: int
    name: str
    finding: str
    x: float
    y: float
    width: float
    height: float


def sources(session: Session, dataset: Dataset, members: BitMap) -> set[str]:
    """Return the descriptor's tables of boxes that have one in the images."""
    return {source for _, source in _within(session, dataset, members)}


def listing(
    session: Session, dataset: Dataset, descriptor: Descriptor, members: BitMap
) -> list[BoxRow]:
    """Return the boxes in the images, by the image's name, then by the box's number.

    A table whose coordinates are those of another frame than the released images' is scaled.
    """
    columns = [_TABLE.c[name] for name in ("number", "finding", "x", "y", "width", "height")]
    rows = list(_within(session, dataset, members, columns))
    boxed = BitMap(row[0] for row in rows)
    names = dict(zip(boxed, images.names(session, dataset, boxed), strict=True))
    specs = {spec.slug: (place, spec.frame) for place, spec in enumerate(descriptor.boxes)}
    rows.sort(key=lambda row: (row[0], specs[row[1]][0], row[2]))
    found = []
    for ordinal, source, _, finding, x, y, width, height in rows:
        frame = specs[source][1]
        across, down = descriptor.images.width / frame[0], descriptor.images.height / frame[1]
        found.append(
            BoxRow(
                ordinal,
                names[ordinal],
                finding,
                x * across,
                y * down,
                width * across,
                height * down,
            )
        )
    return found


def _within(
    session: Session, dataset: Dataset, members: BitMap, columns: list[sa.Column[Any]] | None = None
) -> Iterator[Any]:
    """Yield ordinal, source and the columns of each box in the images, in any order."""
    query = sa.select(_TABLE.c.ordinal, _TABLE.c.source, *(columns or ()))
    query = query.where(_TABLE.c.dataset_id == key_of(dataset))
    return (row for row in session.connection().execute(query) if row[0] in members)
