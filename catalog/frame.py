"""One numbering of the images and patients of several releases, so that they can be compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt
import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.errors import UsageError
from ..schemas.tables import Dataset, Image, key_of
from .bitmaps import ordinals
from .index import DatasetIndex

Numbers = npt.NDArray[np.uint32]


class Frame:
    """Numbers for the images and the patients of some releases of one dataset.

    The same name has the same number in every release. The numbers of the first release are its own
    ordinals and ranks; what only others have comes after. Names are read from the catalog only
    where they differ, patients only where there is more than one release.
    """

    def __init__(self, session: Session, releases: Sequence[Dataset]) -> None:
        slugs = list(dict.fromkeys(each.slug for each in releases))
        if len(slugs) > 1:
            raise UsageError(
                f"these are of different datasets, {' and '.join(slugs)}, which name their images "
                "and patients each in its own way; compare subsets of one dataset"
            )
        distinct = {key_of(each): each for each in releases}
        self._indexes = {key: DatasetIndex(session, each) for key, each in distinct.items()}
        self._images = _images(session, list(distinct.values()))
        self._patients = _patients(session, list(distinct))

    def index(self, release: Dataset) -> DatasetIndex:
        """Return what answers questions about a release."""
        return self._indexes[key_of(release)]

    def images(self, release: Dataset, members: BitMap) -> BitMap:
        """Return the numbers of images of a release."""
        numbers = self._images.get(key_of(release))
        return members if numbers is None else BitMap(numbers[_array(members)])

    def among(self, release: Dataset, members: BitMap, numbers: BitMap) -> BitMap:
        """Return those images of a release, by its own ordinals, that have one of the numbers."""
        if key_of(release) not in self._images:
            return members & numbers
        own = _array(members)
        return BitMap(own[np.isin(self._images[key_of(release)][own], _array(numbers))])

    def patients(self, release: Dataset, members: BitMap) -> npt.NDArray[np.int64]:
        """Return how many of the images each patient has: shape (patients,), by number."""
        ranks = self.index(release).patients.ranks[_array(members)]
        numbers = self._patients.get(key_of(release))
        return np.bincount(ranks if numbers is None else numbers[ranks], minlength=self._size)

    @property
    def _size(self) -> int:
        if self._patients:
            return max(int(each.max(initial=0)) for each in self._patients.values()) + 1
        return max(int(each.patients.ranks.max(initial=0)) for each in self._indexes.values()) + 1


def _array(members: BitMap) -> Numbers:
    return np.frombuffer(ordinals(members), dtype=np.uint32)


def _images(session: Session, releases: Sequence[Dataset]) -> dict[int, Numbers]:
    """Return the number of each image of the releases whose names are not those of the first."""
    first, *others = releases
    others = [each for each in others if each.names_checksum != first.names_checksum]
    if not others:
        return {}
    known: dict[str, int] = {}
    _numbered(_names(session, first), known)
    return {key_of(each): _numbered(_names(session, each), known) for each in others}


def _patients(session: Session, releases: Sequence[int]) -> dict[int, Numbers]:
    """Return the number of each patient of each release, by rank; nothing for one release alone."""
    known: dict[str, int] = {}
    if len(releases) == 1:
        return {}
    return {key: _numbered(_patients_by_rank(session, key), known) for key in releases}


def _numbered(names: Iterable[str], known: dict[str, int]) -> Numbers:
    return np.fromiter((known.setdefault(each, len(known)) for each in names), dtype=np.uint32)


def _names(session: Session, release: Dataset) -> Iterable[str]:
    query = select(Image.name).where(Image.dataset_id == release.id)
    return session.exec(query.order_by(col(Image.ordinal))).yield_per(50_000)


def _patients_by_rank(session: Session, release: int) -> Iterable[str]:
    """Return the patients in the order of their first images, which is that of their ranks."""
    query = (
        sa.select(col(Image.patient))
        .where(col(Image.dataset_id) == release)
        .group_by(col(Image.patient))
        .order_by(sa.func.min(col(Image.ordinal)))
    )
    return session.connection().execute(query).scalars()
