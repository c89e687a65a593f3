"""What would be touched if images, a patient or a label set were wrong."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence, Set
from dataclasses import dataclass, replace

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import (
    Dataset,
    Export,
    Image,
    LabelSet,
    Project,
    Subset,
    Use,
    UseArtifact,
    key_of,
)
from . import datasets
from .bitmaps import load
from .patients import spellings
from .suggest import unknown


@dataclass(frozen=True, slots=True)
class Target:
    """What the question is about: one of an image's name, a patient, or a label set."""

    image: str | None = None
    patient: str | None = None
    labels: str | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class TouchedSubset:
    """A version of a subset, with how many of the images it holds; None for a label set."""

    name: str
    version: int
    images: int | None


@dataclass(frozen=True, slots=True)
class TouchedExport:
    """An export of such a version, the project that it is for, and whom to tell there."""

    id: str
    subset: str
    destination: str
    state: str
    project: str | None
    contact: str | None


@dataclass(frozen=True, slots=True)
class TouchedUse:
    """A use of such a version, what it made, and whom to tell: its contact or its project's."""

    id: str
    subset: str
    project: str
    kind: str
    artifacts: tuple[str, ...]
    dois: tuple[str, ...]
    contact: str | None


@dataclass(frozen=True, slots=True)
class Impact:
    """All that is touched, in the order in which it was made; `images` are those of the target."""

    dataset: str
    dataset_version: str
    images: int | None
    subsets: tuple[TouchedSubset, ...]
    exports: tuple[TouchedExport, ...]
    projects: tuple[str, ...]
    uses: tuple[TouchedUse, ...]


def impact(session: Session, target: Target) -> Impact:
    """Return what images or a label set touch, in every release of the dataset unless one is named.

    Subsets of other releases than the first are named with theirs. Raises `NotFoundError` for what
    is not there.
    """
    given = [each for each in (target.image, target.patient, target.labels) if each is not None]
    if len(given) != 1:
        raise UsageError("name one: --image NAME, --patient NUMBER or --labels SET")
    releases = _releases(session, target.dataset)
    images: int | None = None
    touched: list[TouchedSubset] = []
    keys: set[int] = set()
    lacking: list[NotFoundError] = []
    for dataset in releases:
        try:
            if target.labels is not None:
                found = _by_labels(session, dataset, target.labels)
                keys |= set(found) | _holding(session, dataset, target.labels)
            else:
                ordinals = _ordinals(session, dataset, target)
                images = max(images or 0, len(ordinals))
                found = _by_images(session, dataset, ordinals)
                keys |= set(found)
        except NotFoundError as error:
            lacking.append(error)
            continue
        prefix = _prefix(releases, key_of(dataset))
        touched += [replace(each, name=f"{prefix}{each.name}") for each in found.values()]
    if len(lacking) == len(releases):
        raise lacking[0]
    exports = _exports(session, keys, releases)
    uses = _uses(session, keys, releases)
    projects = {each.project for each in exports if each.project} | {use.project for use in uses}
    return Impact(
        dataset=releases[0].slug,
        dataset_version=releases[0].version,
        images=images,
        subsets=tuple(touched),
        exports=exports,
        projects=tuple(sorted(projects)),
        uses=uses,
    )


def _releases(session: Session, name: str | None) -> list[Dataset]:
    """Return the release that is meant, and the others of its dataset unless it is named."""
    first = datasets.find(session, name)
    if name is not None and "@" in name:
        return [first]
    query = select(Dataset).where(Dataset.slug == first.slug, Dataset.id != first.id)
    return [first, *session.exec(query.order_by(col(Dataset.id)))]


def _prefix(releases: Sequence[Dataset], key: int) -> str:
    """Return what stands before the name of a subset of a release: nothing for the first one."""
    release = next(each for each in releases if each.id == key)
    return "" if release is releases[0] else f"{release.slug}@{release.version}/"


def _holding(session: Session, dataset: Dataset, labels: str) -> set[int]:
    """Return every version if the table of each export holds the labels, whatever it asked for."""
    if labels != datasets.descriptor_of(dataset).version_of(dataset.version).table.labels:
        return set()
    query = select(Subset.id).where(Subset.dataset_id == dataset.id)
    return {key for key in session.exec(query) if key is not None}


def _ordinals(session: Session, dataset: Dataset, target: Target) -> BitMap:
    query = select(Image.ordinal).where(Image.dataset_id == dataset.id)
    if target.image is not None:
        found = BitMap(session.exec(query.where(Image.name == target.image)))
    else:
        names = spellings(str(target.patient))
        found = BitMap(session.exec(query.where(col(Image.patient).in_(names))))
    if not found:
        what = "image" if target.image is not None else "patient"
        name = str(target.image or target.patient)[:60]
        raise NotFoundError(f"{dataset.slug}@{dataset.version} has no {what} {name!r}")
    return found


def _by_images(session: Session, dataset: Dataset, images: BitMap) -> dict[int, TouchedSubset]:
    """Return the versions that hold any of the images, by key: every bitmap is read once."""
    query = select(Subset.id, Subset.name, Subset.version, Subset.members)
    query = query.where(Subset.dataset_id == dataset.id).order_by(col(Subset.id))
    touched = {}
    for key, name, version, blob in session.exec(query):
        count = load(blob).intersection_cardinality(images)
        if count:
            touched[key or 0] = TouchedSubset(name, version, count)
    return touched


def _by_labels(session: Session, dataset: Dataset, labels: str) -> dict[int, TouchedSubset]:
    """Return the versions whose question, or that of an ancestor, read the label set or split."""
    descriptor = datasets.descriptor_of(dataset)
    boxes = [each.slug for each in descriptor.boxes]
    known = session.exec(select(LabelSet.slug).where(LabelSet.dataset_id == dataset.id)).all()
    if labels not in (*known, *boxes):
        raise NotFoundError(unknown("label set", labels, [*known, *boxes]))
    kinds = ("boxes",) if labels in boxes else ("labels", "split")
    names: set[str] = set()

    def touches(read: dict[str, str]) -> bool:
        if read["kind"] == "subset":
            return read["name"] in names
        return read["kind"] in kinds and ("boxes" in kinds or read["name"] == labels)

    query = select(Subset.id, Subset.name, Subset.version, Subset.reads)
    query = query.where(Subset.dataset_id == dataset.id).order_by(col(Subset.id))
    touched: dict[int, TouchedSubset] = {}
    for key, name, version, reads in session.exec(query):  # an ancestor is older, so it came before
        if any(map(touches, reads)):
            touched[key or 0] = TouchedSubset(name, version, None)
            names.add(f"{name}@{version}")
    return touched


def _exports(
    session: Session, keys: Set[int], releases: Sequence[Dataset]
) -> tuple[TouchedExport, ...]:
    query = (
        sa.select(
            Export,
            col(Subset.dataset_id),
            col(Subset.name),
            col(Subset.version),
            col(Project.slug),
            col(Project.contact),
        )
        .join(Subset, col(Subset.id) == Export.subset_id)
        .outerjoin(Project, col(Project.id) == Export.project_id)
        .order_by(col(Export.at), col(Export.id))
    )
    return tuple(
        TouchedExport(
            id=row.id,
            subset=f"{_prefix(releases, release)}{name}@{version}",
            destination=row.destination,
            state=row.state,
            project=project,
            contact=contact,
        )
        for row, release, name, version, project, contact in session.execute(query)
        if row.subset_id in keys
    )


def _uses(session: Session, keys: Set[int], releases: Sequence[Dataset]) -> tuple[TouchedUse, ...]:
    query = (
        sa.select(
            Use,
            col(Subset.dataset_id),
            col(Subset.name),
            col(Subset.version),
            col(Project.slug),
            col(Project.contact),
        )
        .join(Subset, col(Subset.id) == Use.subset_id)
        .join(Project, col(Project.id) == Use.project_id)
        .order_by(col(Use.at), col(Use.id))
    )
    made: dict[str, list[str]] = defaultdict(list)
    places = select(UseArtifact.use_id, UseArtifact.place)
    for use, place in session.exec(places.order_by(col(UseArtifact.number))):
        made[use].append(place)
    return tuple(
        TouchedUse(
            id=row.id,
            subset=f"{_prefix(releases, release)}{name}@{version}",
            project=project,
            kind=row.kind,
            artifacts=tuple(made[row.id]),
            dois=tuple(row.dois),
            contact=row.contact or contact,
        )
        for row, release, name, version, project, contact in session.execute(query)
        if row.subset_id in keys
    )
