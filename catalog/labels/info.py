"""The label sets and splits of a dataset: those in the catalog, and those that it could have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ...schemas.descriptor import Descriptor
from ...schemas.errors import NotFoundError
from ...schemas.labels import SPLIT, Brought, FindingWord, LabelSetSpec, SplitSpec
from ...schemas.tables import Dataset, Facet, Finding, LabelSet, Reading
from ..bitmaps import load
from ..datasets import full_descriptor
from ..index import DatasetIndex
from ..suggest import unknown
from .words import absent_labels, absent_split


@dataclass(frozen=True, slots=True)
class FindingCounts:
    """Of how many images a label set says that a finding is present, absent or uncertain."""

    name: str
    label: str
    present: int
    absent: int
    uncertain: int


@dataclass(frozen=True, slots=True)
class ReaderCounts:
    """How many images a reader read."""

    reader: str
    images: int


@dataclass(frozen=True, slots=True)
class PartCounts:
    """The images and patients of a part of a split."""

    name: str
    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class LabelSetInfo:
    """A label set or a split: who says what of how many images, from which files, on which terms.

    `images` is how many it speaks of; readers' own readings are counted apart. `advice` says how to
    come by a set that is not in the catalog. `files` have a name, a checksum and rows. `duties` are
    those that a use of the set owes beside the dataset's own, `citations` CSL records.
    """

    dataset: str
    dataset_version: str
    slug: str
    kind: str
    title: str
    method: str | None
    in_catalog: bool
    advice: str | None
    images: int
    checksum: str | None
    added_at: str | None
    access: str | None
    files: tuple[dict[str, Any], ...] = ()
    findings: tuple[FindingCounts, ...] = ()
    readers: tuple[ReaderCounts, ...] = ()
    parts: tuple[PartCounts, ...] = ()
    duties: tuple[dict[str, Any], ...] = ()
    citations: tuple[dict[str, Any], ...] = ()


def listing(session: Session, dataset: Dataset) -> list[LabelSetInfo]:
    """Return every label set and split of a dataset; those that are not in the catalog last."""
    teller = _Teller(session, dataset)
    return [*map(teller.present, teller.rows.values()), *teller.absent()]


def show(session: Session, dataset: Dataset, slug: str) -> LabelSetInfo:
    """Return a label set or a split by its slug, an earlier one by ``slug@number``.

    Raises `NotFoundError` that names the nearest.
    """
    teller = _Teller(session, dataset)
    if slug in teller.rows:
        return teller.present(teller.rows[slug])
    absent = {each.slug: each for each in teller.absent()}
    if slug not in absent:
        raise NotFoundError(unknown("label set", slug, [*teller.rows, *absent]))
    return absent[slug]


class _Teller:
    """Tells what is known of the sets of one dataset."""

    def __init__(self, session: Session, dataset: Dataset) -> None:
        self.session = session
        self.dataset = dataset
        self.descriptor: Descriptor = full_descriptor(session, dataset)
        query = select(LabelSet).where(LabelSet.dataset_id == dataset.id)
        self.rows = {row.slug: row for row in session.exec(query.order_by(col(LabelSet.id)))}

    def present(self, row: LabelSet) -> LabelSetInfo:
        """Return what is known of a set in the catalog."""
        brought = None if row.spec is None else Brought.model_validate_json(row.spec)
        facts: dict[str, Any] = {
            "slug": row.slug,
            "title": row.title,
            "in_catalog": True,
            "advice": None,
            "checksum": row.checksum,
            "added_at": row.at.isoformat(timespec="seconds"),
            "files": tuple(
                file.model_dump() for file in sorted(brought.files, key=lambda file: file.name)
            )
            if brought
            else ({"name": row.source, "checksum": row.checksum, "rows": self.dataset.images},),
        }
        if row.kind == SPLIT:
            parts = tuple(self._parts(row.slug))
            facts |= {"parts": parts, "images": sum(part.images for part in parts)}
            return self._info(self.descriptor.splits[0], facts)
        spec = self.descriptor.labels_of(row.slug.partition("@")[0])
        if brought is not None and brought.mapping is not None:
            spec = brought.mapping.labels  # which a newer edition may word otherwise
        words = spec.findings or self.descriptor.vocabulary.words()
        members = self._members(row)
        spoken = BitMap.union(BitMap(), *(each for _, _, each in members))
        facts |= {
            "images": len(spoken),
            "findings": tuple(_counted(words, members)),
            "readers": tuple(self._readers(row)),
        }
        return self._info(spec, facts)

    def absent(self) -> Iterator[LabelSetInfo]:
        """Yield what is known of each set that is not in the catalog."""
        facts = {"in_catalog": False, "images": 0, "checksum": None, "added_at": None}
        for spec in self.descriptor.label_sets:
            if spec.slug not in self.rows:
                advice = absent_labels(self.session, self.dataset, self.descriptor, spec.slug)
                words = self.descriptor.words_of(spec.slug)
                findings = tuple(FindingCounts(w.name, w.label, 0, 0, 0) for w in words)
                yield self._info(spec, {**facts, "advice": advice, "findings": findings})
        for split in self.descriptor.splits:
            if SPLIT not in self.rows:
                advice = absent_split(self.session, self.dataset, self.descriptor)
                yield self._info(split, {**facts, "advice": advice})

    def _info(self, spec: LabelSetSpec | SplitSpec, facts: dict[str, Any]) -> LabelSetInfo:
        duties = [duty for duty in self.descriptor.duties if duty.id in spec.owes]
        cited = {duty.citation for duty in duties}
        works = [work for work in self.descriptor.citations if work.id in cited]
        return LabelSetInfo(
            **{
                "dataset": self.dataset.slug,
                "dataset_version": self.dataset.version,
                "slug": spec.slug,
                "kind": SPLIT if isinstance(spec, SplitSpec) else "labels",
                "title": spec.title,
                "method": None if isinstance(spec, SplitSpec) else spec.method,
                "access": spec.access,
                "duties": tuple(duty.model_dump(mode="json", exclude_none=True) for duty in duties),
                "citations": tuple(work.csl() for work in works),
                **facts,
            }
        )

    def _members(self, row: LabelSet) -> list[tuple[str, str, BitMap]]:
        query = select(Finding.name, Finding.state, Finding.members)
        query = query.where(Finding.label_set_id == row.id)
        return [(name, state, load(blob)) for name, state, blob in self.session.exec(query)]

    def _readers(self, row: LabelSet) -> Iterator[ReaderCounts]:
        read: dict[str, BitMap] = {}
        query = select(Reading.reader, Reading.members).where(Reading.label_set_id == row.id)
        for reader, blob in self.session.exec(query):
            read[reader] = read.get(reader, BitMap()) | load(blob)
        for reader, images in sorted(read.items()):
            yield ReaderCounts(reader, len(images))

    def _parts(self, field_name: str) -> Iterator[PartCounts]:
        patients = DatasetIndex(self.session, self.dataset).patients
        query = select(Facet.value, Facet.members).where(
            Facet.dataset_id == self.dataset.id, Facet.field == field_name
        )
        for name, blob in self.session.exec(query.order_by(col(Facet.value))):
            images = load(blob)
            yield PartCounts(name, len(images), patients.count(images))


def _counted(
    words: list[FindingWord], members: list[tuple[str, str, BitMap]]
) -> Iterator[FindingCounts]:
    said = {(name, state): len(images) for name, state, images in members}
    for word in words:
        counts = (said.get((word.name, each), 0) for each in ("present", "absent", "uncertain"))
        yield FindingCounts(word.name, word.label, *counts)
