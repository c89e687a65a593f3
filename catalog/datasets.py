"""The datasets: those that come built in, those that were added, and the words they give."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import ColumnElement
from sqlmodel import Session, col, select

from ..schemas.errors import CatalogError, NotFoundError
from ..schemas.tables import Dataset, Finding, LabelSet, Subset
from .checksums import of_file
from .suggest import unknown

if TYPE_CHECKING:
    from ..schemas.descriptor import Descriptor
    from ..schemas.labels import LabelMapping, LabelSetSpec
    from ..schemas.terms import Citation, Duty
    from .progress import Progress

BUILT_IN = Path(__file__).parent.parent / "schemas" / "datasets"
"""The folder of the datasets that ship with the package, one folder each."""


@dataclass(frozen=True, slots=True)
class DatasetInfo:
    """A release in the catalog: counts, and when it came in (ISO 8601, UTC)."""

    slug: str
    version: str
    title: str
    is_default: bool
    images: int
    patients: int
    label_sets: tuple[str, ...]
    ingested_at: str


def read_descriptor(path: Path) -> Descriptor:
    """Return a descriptor's file as its model; raise `InputError` when it is wrong."""
    from ..schemas.descriptor import Descriptor
    from ..schemas.yaml_reader import read_model

    return read_model(path, Descriptor)


def ingest_built_in(session: Session, by: str, progress: Progress) -> list[Dataset]:
    """Bring in the datasets that ship with the package; return their default releases."""
    from .ingest import ingest

    rows = []
    for path in sorted(BUILT_IN.glob("*/dataset.yaml")):
        descriptor = read_descriptor(path)
        version = descriptor.version_of(descriptor.default_version)
        rows.append(ingest(session, descriptor, version, path, by, progress))
    return rows


def outdated(session: Session) -> list[Descriptor]:
    """Return the built-in descriptors of which the catalog holds an older revision."""
    stored = session.exec(select(Dataset.slug, Dataset.descriptor_checksum)).all()
    newer = []
    for slug in sorted({slug for slug, _ in stored}):
        path = BUILT_IN / slug / "dataset.yaml"
        if not path.is_file() or (slug, str(of_file(path))) in stored:
            continue
        descriptor = read_descriptor(path)
        if descriptor.revision > descriptor_of(find(session, slug)).revision:
            newer.append(descriptor)
    return newer


def refresh(session: Session, descriptor: Descriptor, by: str) -> None:
    """Store a built-in descriptor as this release of the package has it."""
    from .ingest import refresh_descriptor

    refresh_descriptor(session, descriptor, BUILT_IN / descriptor.slug / "dataset.yaml", by)


def find(session: Session, name: str | None = None) -> Dataset:
    """Return a dataset by ``slug`` or ``slug@version``; None means the one that is alone or first.

    Raises `NotFoundError` that names the nearest.
    """
    rows = session.exec(select(Dataset).order_by(col(Dataset.id))).all()
    if name is None:
        return next(row for row in rows if row.is_default)
    slug, _, version = name.partition("@")
    for row in rows:
        if row.slug == slug and (row.version == version if version else row.is_default):
            return row
    known = [row.slug for row in rows] + [f"{row.slug}@{row.version}" for row in rows]
    raise NotFoundError(unknown("dataset", name, known))


def descriptor_of(dataset: Dataset) -> Descriptor:
    """Return the descriptor that the catalog holds of a dataset.

    Raises `CatalogError` when a newer cxrcat wrote it, with keys that this one does not know.
    """
    from pydantic import ValidationError

    from ..schemas.descriptor import Descriptor

    try:
        return Descriptor.model_validate_json(dataset.descriptor)
    except ValidationError as error:
        raise CatalogError(
            f"{dataset.slug}: the catalog's descriptor is not one that this cxrcat reads; "
            "a newer one wrote it: upgrade cxrcat, or name another catalog with --catalog"
        ) from error


def full_descriptor(session: Session, dataset: Dataset) -> Descriptor:
    """Return the descriptor with the label sets that were brought along, and what they owe.

    What an earlier edition of a set owed stays owed, in the newest words.
    """
    own = descriptor_of(dataset)
    sets: dict[str, LabelSetSpec] = {}
    duties: dict[str, Duty] = {}
    works: dict[str, Citation] = {}
    for mapping in brought_along(session, dataset):
        labels = mapping.labels
        earlier = sets[labels.slug].owes if labels.slug in sets else []
        owes = list(dict.fromkeys([*earlier, *labels.owes]))
        sets[labels.slug] = labels.model_copy(update={"owes": owes})
        duties |= {duty.id: duty for duty in mapping.duties}
        works |= {work.id: work for work in mapping.citations}
    for known in own.label_sets:
        sets.pop(known.slug, None)
    for duty in own.duties:
        duties.pop(duty.id, None)
    for work in own.citations:
        works.pop(work.id, None)
    return own.model_copy(
        update={
            "label_sets": [*own.label_sets, *sets.values()],
            "duties": [*own.duties, *duties.values()],
            "citations": [*own.citations, *works.values()],
        }
    )


def brought_along(session: Session, dataset: Dataset) -> list[LabelMapping]:
    """Return the mappings of label sets that others made of a dataset, the oldest first."""
    from ..schemas.labels import Brought

    query = select(LabelSet.spec).where(LabelSet.dataset_id == dataset.id)
    specs = session.exec(query.where(col(LabelSet.spec).is_not(None)).order_by(col(LabelSet.id)))
    found = [Brought.model_validate_json(spec).mapping for spec in specs if spec is not None]
    return [mapping for mapping in found if mapping is not None]


def listing(session: Session) -> list[DatasetInfo]:
    """Return every release in the catalog."""
    labels: dict[int, list[str]] = {}
    for owner, slug in session.exec(
        select(LabelSet.dataset_id, LabelSet.slug)
        .where(LabelSet.kind == "labels", _is_current())
        .order_by(col(LabelSet.id))
    ):
        labels.setdefault(owner, []).append(slug)
    return [
        DatasetInfo(
            slug=row.slug,
            version=row.version,
            title=row.title,
            is_default=row.is_default,
            images=row.images,
            patients=row.patients,
            label_sets=tuple(labels.get(row.id or 0, ())),
            ingested_at=row.at.isoformat(timespec="seconds"),
        )
        for row in session.exec(select(Dataset).order_by(col(Dataset.slug), col(Dataset.id)))
    ]


def finding_counts(session: Session, dataset: Dataset) -> list[tuple[str, str, str, int]]:
    """Return label set, finding, state and images of everything that is said of a dataset."""
    rows = session.exec(
        select(LabelSet.slug, Finding.name, Finding.state, Finding.images)
        .join(Finding, col(Finding.label_set_id) == LabelSet.id)
        .where(LabelSet.dataset_id == dataset.id, _is_current())
        .order_by(col(LabelSet.id), col(Finding.name), col(Finding.state))
    )
    return [(labels, finding, state, images) for labels, finding, state, images in rows]


def label_checksums(session: Session, dataset: Dataset) -> dict[str, str]:
    """Return the checksum of the files of each label set and split of a dataset."""
    query = select(LabelSet.slug, LabelSet.checksum).where(LabelSet.dataset_id == dataset.id)
    return dict(session.exec(query).all())


def subset_names(session: Session, dataset: Dataset) -> list[str]:
    """Return the names of a dataset's subsets."""
    query = select(Subset.name).where(Subset.dataset_id == dataset.id).distinct()
    return sorted(session.exec(query))


def _is_current() -> ColumnElement[bool]:
    """Return the condition that newer files have not taken a label set's place."""
    return col(LabelSet.slug).not_like("%@%")
