"""Answer the leaves of a question from the catalog, each as a bitmap of ordinals.

Findings and columns of few values have their bitmaps stored; only the other columns are asked of
the table of images. What was read is kept for the session.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence, Set
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.tables import (
    Box,
    Dataset,
    Facet,
    Finding,
    Image,
    LabelSet,
    PatientIndex,
    Subset,
    Withdrawal,
    key_of,
)
from .bitmaps import load
from .datasets import full_descriptor

if TYPE_CHECKING:
    from .patients import Patients

FACETS = ("view", "sex", "age", "follow_up")
"""The columns of few values: each value has its bitmap, so a question about them needs no scan."""

Value = str | int | float

_VALUES = 500  # that one statement asks for


class DatasetIndex:
    """The bitmaps of one release of a dataset; it serves `query.evaluate.Index`."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        self._session = session
        self._dataset = dataset
        self._id = key_of(dataset)
        self._universe = BitMap()
        self._universe.add_range(0, dataset.images)
        self._kept: dict[tuple[object, ...], BitMap] = {}
        self._known: dict[str, list[str]] = {}
        self._withdrawn: BitMap | None = None
        self._patients: Patients | None = None

    @property
    def patients(self) -> Patients:
        """The patient of every image."""
        if self._patients is None:
            from .patients import Patients

            row = self._session.exec(
                select(PatientIndex.ranks).where(PatientIndex.dataset_id == self._id)
            ).one()
            self._patients = Patients(row)
        return self._patients

    def universe(self) -> BitMap:
        """Return every image."""
        return self._universe

    def withdrawn(self) -> BitMap:
        """Return the images that must no longer be used."""
        if self._withdrawn is None:
            query = select(Withdrawal.ordinal).where(Withdrawal.dataset_id == self._id)
            self._withdrawn = BitMap(self._session.exec(query))
        return self._withdrawn

    def finding(self, labels: str, finding: str, state: str) -> BitMap:
        """Return the images of which the label set says so; none when it never does."""
        key = ("finding", labels, finding, state)
        if key not in self._kept:
            blob = self._session.exec(
                select(Finding.members)
                .join(LabelSet, col(LabelSet.id) == Finding.label_set_id)
                .where(LabelSet.dataset_id == self._id, LabelSet.slug == labels)
                .where(Finding.name == finding, Finding.state == state)
            ).first()
            self._kept[key] = load(blob) if blob is not None else BitMap()
        return self._kept[key]

    def labelled(self, labels: str) -> BitMap:
        """Return the images that the label set speaks of in any state."""
        return BitMap.union(BitMap(), *(members for _, members in self.findings_of(labels, None)))

    def findings_of(self, labels: str, state: str | None) -> Iterator[tuple[str, BitMap]]:
        """Return each finding of a label set with its images, in the order of the names."""
        query = (
            select(Finding.name, Finding.members)
            .join(LabelSet, col(LabelSet.id) == Finding.label_set_id)
            .where(LabelSet.dataset_id == self._id, LabelSet.slug == labels)
            .order_by(col(Finding.name), col(Finding.state))
        )
        if state is not None:
            query = query.where(Finding.state == state)
        for name, blob in self._session.exec(query):
            yield name, load(blob)

    def boxed(self, finding: str | None) -> BitMap:
        """Return the images with a box, around one finding or any."""
        query = select(Box.ordinal).where(Box.dataset_id == self._id)
        if finding is not None:
            query = query.where(Box.finding == finding)
        return BitMap(self._session.exec(query))

    def count(self, labels: str, low: int | None, high: int | None) -> BitMap:
        """Return the images of which the label set states so many findings present."""
        uncounted = full_descriptor(self._session, self._dataset).uncounted(labels)
        # levels[n] holds the images with more than n findings among those seen so far.
        levels: list[BitMap] = []
        for name, members in self.findings_of(labels, "present"):
            if name in uncounted:
                continue
            carry = members
            for index, level in enumerate(levels):
                levels[index], carry = level | carry, level & carry
            if carry:
                levels.append(carry)
        at_least = [self._universe, *levels]

        def more_than(number: int) -> BitMap:
            return at_least[number + 1] if number + 1 < len(at_least) else BitMap()

        found = self._universe if low is None or low <= 0 else more_than(low - 1)
        return found if high is None else found - (self._universe if high < 0 else more_than(high))

    def one_of(self, column: str, values: Sequence[Value]) -> BitMap:
        """Return the images whose column has one of the values."""
        if column in FACETS or column == "split":
            # The facet of the empty text are the images without a value.
            return self._having(column, {str(each) for each in values if each != ""})
        texts = [str(value) for value in values] if column in ("patient", "name") else list(values)
        return self._scan(self._column(column).in_([*map(_bound, texts)]))

    def range(
        self,
        column: str,
        low: float | None,
        high: float | None,
        low_open: bool = False,
        high_open: bool = False,
    ) -> BitMap:
        """Return the images whose column lies between the bounds; None means unbounded."""

        def inside(value: float) -> bool:
            return (low is None or (value > low if low_open else value >= low)) and (
                high is None or (value < high if high_open else value <= high)
            )

        if column in FACETS:
            known = self._values(column)
            return self._having(column, {each for each in known if each and inside(int(each))})
        field = self._column(column)
        if column == "patient":
            field = sa.cast(field, sa.BigInteger)
        bounds = []
        if low is not None:
            bounds.append(field > _bound(low) if low_open else field >= _bound(low))
        if high is not None:
            bounds.append(field < _bound(high) if high_open else field <= _bound(high))
        return self._scan(*bounds)

    def missing(self, column: str) -> BitMap:
        """Return the images of which the column says nothing."""
        if column in FACETS or column == "split":
            return self._having(column, {""})
        return self._scan(self._column(column).is_(None))

    def subset(self, name: str, version: int) -> BitMap:
        """Return the members of a subset's version."""
        query = select(Subset.members).where(
            Subset.dataset_id == self._id, Subset.name == name, Subset.version == version
        )
        return load(self._session.exec(query).one())

    def facet(self, field: str) -> dict[str, BitMap]:
        """Return the images of each value of a column of few; the empty value is a missing one."""
        values = self._values(field)
        self._read(field, values)
        return {value: self._kept["facet", field, value] for value in values}

    def _having(self, field: str, wanted: Set[str]) -> BitMap:
        """Return the images with one of some values of a column of few."""
        values = [value for value in self._values(field) if value in wanted]
        self._read(field, values)
        return BitMap.union(BitMap(), *(self._kept["facet", field, value] for value in values))

    def _values(self, field: str) -> list[str]:
        if field not in self._known:
            query = select(Facet.value).where(Facet.dataset_id == self._id, Facet.field == field)
            self._known[field] = list(self._session.exec(query))
        return self._known[field]

    def _read(self, field: str, values: Sequence[str]) -> None:
        missing = [each for each in values if ("facet", field, each) not in self._kept]
        query = select(Facet.value, Facet.members).where(
            Facet.dataset_id == self._id, Facet.field == field
        )
        for start in range(0, len(missing), _VALUES):
            some = missing[start : start + _VALUES]
            for value, blob in self._session.exec(query.where(col(Facet.value).in_(some))):
                self._kept["facet", field, value] = load(blob)

    def _column(self, name: str) -> sa.ColumnElement[Any]:
        table: sa.Table = Image.__table__  # type: ignore[attr-defined]
        return table.c[name]

    def _scan(self, *conditions: sa.ColumnElement[bool]) -> BitMap:
        query = select(Image.ordinal).where(Image.dataset_id == self._id, *conditions)
        return BitMap(self._session.exec(query).yield_per(50_000))


def _bound(value: Value) -> sa.ColumnElement[Any]:
    """Return a value as a parameter; a question's number may be larger than its column holds."""
    return sa.literal(value, sa.BigInteger) if isinstance(value, int) else sa.literal(value)
