"""What subsets share, pair by pair: images, and patients, whose images must not be in two sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
import numpy.typing as npt
from sqlmodel import Session

from ..schemas.errors import UsageError
from ..schemas.tables import Dataset
from . import subsets
from .bitmaps import load
from .compare import Side, side
from .frame import Frame

_BLOCK = 2_048  # patients that are multiplied at a time


@dataclass(frozen=True, slots=True)
class Shared:
    """What two subsets share, by their places in the list.

    `a_images` and `b_images` are the images of the shared `patients` in each, also those that the
    other does not have.
    """

    a: int
    b: int
    images: int
    patients: int
    a_images: int
    b_images: int


@dataclass(frozen=True, slots=True)
class Overlap:
    """Subsets, and what each pair of them shares."""

    subsets: tuple[Side, ...]
    pairs: tuple[Shared, ...]

    def leaks(self) -> list[Shared]:
        """Return the pairs that share a patient."""
        return [pair for pair in self.pairs if pair.patients]


def overlap(session: Session, names: Sequence[str]) -> Overlap:
    """Return what each pair of subsets shares; names are as `subsets.get` takes them.

    Raises `NotFoundError` for an unknown one, and `UsageError` for fewer than two or for two
    datasets.
    """
    if len(names) < 2:
        raise UsageError("name two subsets or more, to see what they share")
    rows = [subsets.get(session, name) for name in names]
    releases = [session.get_one(Dataset, row.dataset_id) for row in rows]
    frame = Frame(session, releases)
    own = [load(row.members) for row in rows]
    members = list(map(frame.images, releases, own))
    counts = [frame.patients(*each).astype(np.uint32) for each in zip(releases, own, strict=True)]
    patients, images = _of_patients(np.stack(counts))
    return Overlap(
        subsets=tuple(map(side, rows, releases)),
        pairs=tuple(
            Shared(
                a,
                b,
                images=members[a].intersection_cardinality(members[b]),
                patients=int(patients[a, b]),
                a_images=int(images[a, b]),
                b_images=int(images[b, a]),
            )
            for a, b in combinations(range(len(rows)), 2)
        ),
    )


def _of_patients(
    counts: npt.NDArray[np.uint32],
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Return the shared patients of each pair, and the images that the first has of them.

    `counts` holds the images of each patient in each subset, shape (subsets, patients).
    """
    size, width = counts.shape
    patients = np.zeros((size, size))
    images = np.zeros((size, size))
    for start in range(0, width, _BLOCK):
        block = counts[:, start : start + _BLOCK].astype(np.float64)
        has = (block > 0).astype(np.float64)
        patients += has @ has.T
        images += block @ has.T
    return patients, images
