"""The images and patients of a release as arrays, which samples and splits are drawn from."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
from sqlmodel import Session, col, select
from sqlmodel.sql.expression import SelectOfScalar

from ..schemas.tables import Dataset, Image, key_of
from .lots import By, Lots, of_names

if TYPE_CHECKING:
    from .patients import Patients

_CHUNK = 50_000  # rows that are read at a time


class Population:
    """Arrays by ordinal, shape (images,); each is read when it is first needed, and kept."""

    def __init__(self, session: Session, dataset: Dataset, patients: Patients) -> None:
        self._session = session
        self._dataset = dataset
        self._patients = patients
        self._lots: dict[By, Lots] = {}
        self._visits: npt.NDArray[np.int64] | None = None

    def patient_ranks(self) -> npt.NDArray[np.uint32]:
        """Return a number for the patient of each image."""
        return self._patients.ranks

    def lots(self, by: By) -> Lots:
        """Return the lot of each image, or of its patient."""
        if by not in self._lots:
            self._lots[by] = self._of_images() if by == "image" else self._of_patients()
        return self._lots[by]

    def visits(self) -> npt.NDArray[np.int64]:
        """Return the follow-up number of each image, -1 where it is unknown."""
        if self._visits is None:
            query = select(Image.follow_up).where(Image.dataset_id == self._dataset.id)
            found = self._column(query.order_by(col(Image.ordinal)))
            self._visits = np.fromiter(
                (-1 if visit is None else visit for visit in found), dtype=np.int64
            )
        return self._visits

    def _of_images(self) -> Lots:
        query = select(Image.name).where(Image.dataset_id == self._dataset.id)
        return of_names(self._column(query.order_by(col(Image.ordinal))))

    def _of_patients(self) -> Lots:
        query = select(Image.patient).where(Image.dataset_id == self._dataset.id)
        return of_names(self._column(query.order_by(col(Image.ordinal))))

    def _column(self, query: SelectOfScalar[Any]) -> Iterable[Any]:
        # Past the session, which would look for objects in each of the rows: four times as fast.
        return self._session.connection().execute(query).scalars().yield_per(_CHUNK)


def of_release(session: Session, dataset: Dataset, patients: Patients) -> Population:
    """Return the images and patients of a release, which a session reads once: they stay."""
    kept: dict[int, Population] = session.info.setdefault("populations", {})
    return kept.setdefault(key_of(dataset), Population(session, dataset, patients))
