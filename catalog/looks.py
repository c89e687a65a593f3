"""Find the image that looks most like a picture, among the fingerprints of a dataset.

Chest radiographs all look alike, so a match is claimed only where it is near and the next image is
clearly farther. docs/identify.md says what was measured.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.tables import Dataset, Fingerprint
from .fingerprints import ALGORITHM, BITS, is_blank

NEAR = 10
"""Bits in which a copy may differ from its original."""

CLEARLY = 10
"""Bits by which the next image must differ more than the nearest one."""

_WORDS = BITS // 64
_TABLE: sa.Table = Fingerprint.__table__  # type: ignore[attr-defined]


@dataclass(frozen=True, slots=True)
class Nearest:
    """The image that looks most like a picture.

    `distance` counts the bits in which they differ; `next_ordinal` and `next_distance` are of the
    image that comes after it. `certain` tells that it is near, and clearly nearer than the next.
    """

    ordinal: int
    distance: int
    next_ordinal: int
    next_distance: int

    @property
    def near(self) -> bool:
        """Whether the picture may be a copy of this image."""
        return self.distance <= NEAR

    @property
    def certain(self) -> bool:
        """Whether the picture is a copy of this image and of no other, as far as can be told."""
        return self.near and self.next_distance - self.distance >= CLEARLY


class Looks:
    """The fingerprints of a dataset: `bits` has the words of each, shape (4, images), uint64.

    `images` are those that can be told by their looks.
    """

    def __init__(self, ordinals: npt.NDArray[np.uint32], bits: npt.NDArray[np.uint64]) -> None:
        self._ordinals, self._bits = ordinals, bits
        self.images = BitMap(ordinals)

    def __len__(self) -> int:
        return len(self._ordinals)

    @classmethod
    def of(cls, rows: Iterable[tuple[int, bytes]]) -> Looks:
        """Return what looks among (ordinal, fingerprint); blank ones are left out."""
        ordinals, every = [], bytearray()
        for ordinal, bits in rows:
            if len(bits) == BITS // 8 and not is_blank(bits):
                ordinals.append(ordinal)
                every += bits
        words = np.frombuffer(bytes(every), dtype=np.uint64).reshape(-1, _WORDS)
        return cls(np.array(ordinals, dtype=np.uint32), np.ascontiguousarray(words.T))

    def nearest(self, bits: bytes) -> Nearest | None:
        """Return the image that looks most like a fingerprint, None when nothing can be said."""
        if not len(self) or is_blank(bits):
            return None
        distances = np.zeros(len(self), dtype=np.uint16)
        for mine, wanted in zip(self._bits, np.frombuffer(bits, dtype=np.uint64), strict=True):
            distances += np.bitwise_count(mine ^ wanted)
        best = int(distances.argmin())
        distance = int(distances[best])
        distances[best] = BITS
        after = int(distances.argmin())
        return Nearest(
            int(self._ordinals[best]), distance, int(self._ordinals[after]), int(distances[after])
        )


def looks_of(session: Session, dataset: Dataset) -> Looks:
    """Return the fingerprints that the catalog has of a dataset."""
    columns = _TABLE.c
    query = sa.select(columns.ordinal, columns.bits).where(
        columns.dataset_id == dataset.id, columns.algorithm == ALGORITHM
    )
    # The driver's own rows: SQLAlchemy's take half as long again.
    cursor: Any = session.connection().execute(query.order_by(columns.ordinal)).cursor
    return Looks.of((ordinal, bytes(bits)) for ordinal, bits in cursor)
