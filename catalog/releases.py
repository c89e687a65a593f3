"""The releases of a dataset: those that are here, those that are known, and bringing one in."""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ..schemas.descriptor import Descriptor, Version
from ..schemas.errors import InputError, UsageError
from ..schemas.tables import Box, Dataset, Finding, Image, LabelSet, key_of
from .bitmaps import load
from .checksums import names_checksum, of_file
from .create import create_built_in
from .datasets import descriptor_of, find, listing, read_descriptor
from .ingest import findings_of, image_rows, ingest, record, refresh_descriptor, write
from .progress import SILENT, Progress
from .recognise import Incoming, recognise
from .store import insert_many
from .subsets import check_note
from .withdrawals import carry_over

_VERSION = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_IMAGES: sa.Table = Image.__table__  # type: ignore[attr-defined]
_CHUNK = 10_000  # rows that are read at a time


@dataclass(frozen=True, slots=True)
class ReleaseInfo:
    """A release of a dataset, here in the catalog or only known of.

    `title` is the dataset's, `release` says which one it is and `access` how to come by one that
    does not ship. `images` and `patients` are counted where it is here, else those that are stated.
    """

    slug: str
    version: str
    title: str
    release: str
    released: str
    note: str | None
    here: bool
    is_default: bool
    images: int | None
    patients: int | None
    label_sets: tuple[str, ...]
    ingested_at: str | None
    access: str | None


@dataclass(frozen=True, slots=True)
class Arrival:
    """What became of a table that was brought in.

    `like` is the release whose columns it has. `changed` is False when the same release was here.
    `boxes_left_out` counts those around images that a corrected release no longer has.
    """

    dataset: str
    version: str
    like: str
    changed: bool
    images: int
    patients: int
    checksum: str
    boxes: int
    boxes_left_out: int


def known(session: Session, dataset: str | None = None) -> list[ReleaseInfo]:
    """Return every release of one dataset or of all, those that are not here too."""
    slug = None if dataset is None else find(session, dataset).slug
    here = {(each.slug, each.version): each for each in listing(session)}
    rows = session.exec(select(Dataset).order_by(col(Dataset.slug), col(Dataset.id))).all()
    found: dict[tuple[str, str], ReleaseInfo] = {}
    for row in rows:
        if slug not in (None, row.slug):
            continue
        for version in descriptor_of(row).versions:
            counts = here.get((row.slug, version.version))
            found[row.slug, version.version] = ReleaseInfo(
                slug=row.slug,
                version=version.version,
                title=row.title,
                release=version.title,
                released=version.released,
                note=version.note,
                here=counts is not None,
                is_default=counts is not None and counts.is_default,
                images=counts.images if counts else version.images,
                patients=counts.patients if counts else version.patients,
                label_sets=counts.label_sets if counts else (),
                ingested_at=counts.ingested_at if counts else None,
                access=version.access,
            )
    return list(found.values())


def add(session: Session, path: Path, by: str, progress: Progress = SILENT) -> str:
    """Bring in the releases that ship with a descriptor and are not here yet; return its slug.

    A newer text of the descriptor is stored for those that are here. Raises `UsageError` when one
    of them has another table, and `InputError` when something is wrong, or when the text differs
    from the stored one and its revision is not higher.
    """
    descriptor = read_descriptor(path)
    rows = {
        row.version: row
        for row in session.exec(select(Dataset).where(Dataset.slug == descriptor.slug))
    }
    _check_text(descriptor, path, list(rows.values()))
    for version in (each for each in descriptor.versions if each.ships):
        row = rows.get(version.version)
        if row is None:
            row = ingest(session, descriptor, version, path, by, progress)
            carry_over(session, row, by)
            create_built_in(session, row, by)
        elif str(of_file(path.parent / version.table.file)) != row.table_checksum:
            raise UsageError(
                f"{row.slug}@{row.version} is in the catalog already, from another table than "
                f"{path.parent / version.table.file}; give this one a version of its own"
            )
    refresh_descriptor(session, descriptor, path, by)
    for row in rows.values():
        row.is_default = row.version == descriptor.default_version
    return descriptor.slug


def _check_text(descriptor: Descriptor, path: Path, rows: Sequence[Dataset]) -> None:
    checksum = str(of_file(path))
    stored = max((descriptor_of(row).revision for row in rows), default=0)
    if any(row.descriptor_checksum != checksum for row in rows) and descriptor.revision <= stored:
        raise InputError(
            f"{path}: is not the descriptor of {descriptor.slug} that the catalog holds, and its "
            f"revision is {descriptor.revision}; a newer one has the revision {stored + 1}"
        )


def read_release(
    session: Session, dataset: str, path: Path, name: str | None, progress: Progress = SILENT
) -> Incoming:
    """Read a table as the release ``DATASET@VERSION``, or find out which of ``DATASET`` it is.

    `name` is that of a release of its own, for a corrected table. Raises `NotFoundError` for an
    unknown dataset, `UsageError` for a bad name, and `InputError` when the table is wrong or fits
    none of the releases.
    """
    slug, _, wanted = dataset.partition("@")
    descriptor = descriptor_of(find(session, slug))
    if name is not None:
        _check_version(descriptor, name)
    own = {  # corrected releases, which only their own text describes
        row.version: descriptor_of(row).version_of(row.version)
        for row in session.exec(select(Dataset).where(Dataset.slug == slug))
    }
    if wanted in own:
        descriptor = descriptor.with_version(own[wanted])
    release = recognise(path, descriptor, wanted or None, name is not None, progress)
    return release if name is None else replace(release, version=_corrected(release, name))


def bring_in(
    session: Session,
    dataset: str,
    release: Incoming,
    reason: str | None,
    by: str,
    progress: Progress = SILENT,
) -> Arrival:
    """Write a release that was read, with its boxes and built-in subsets, unless it is here.

    Raises `UsageError` when another table of the same release is here.
    """
    check_note(reason or "")
    origin = find(session, dataset.partition("@")[0])
    version = release.version.version
    query = select(Dataset).where(Dataset.slug == origin.slug, Dataset.version == version)
    row = session.exec(query).first()
    if row is not None:
        if row.table_checksum != release.checksum and not _holds(session, row, release):
            raise UsageError(
                f"{row.slug}@{version} is in the catalog already, from another table than "
                f"{release.file}; bring this one in under a name of its own with --as NAME"
            )
        return _arrival(row, release.like, False, _boxes_of(session, row), 0)
    spec = release.version
    if reason is not None:
        spec = spec.model_copy(update={"note": reason})
    descriptor = descriptor_of(origin).with_version(spec)
    row = write(
        session, descriptor, origin.descriptor_checksum, replace(release, version=spec), progress
    )
    brought, left_out = _copy_boxes(session, origin, row, release.columns.names)
    if left_out and version == release.like:
        raise InputError(
            f"{release.file}: {left_out} boxes of {origin.slug}@{origin.version} are around images "
            "that it does not have; a corrected table comes in with --as"
        )
    record(session, row, release, by, like=release.like, reason=reason, boxes_left_out=left_out)
    carry_over(session, row, by)
    create_built_in(session, row, by)
    return _arrival(row, release.like, True, brought, left_out)


def _check_version(descriptor: Descriptor, name: str) -> None:
    if not _VERSION.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot name a release; use lower-case letters, digits, '.', '-' and '_'"
        )
    if name in {each.version for each in descriptor.versions}:
        raise UsageError(
            f"{descriptor.slug}@{name} is a release of the owner's; choose another name for yours"
        )


def _corrected(release: Incoming, name: str) -> Version:
    """Return what there is to say of a corrected table: the columns are those of another."""
    ages = [age for age in release.columns.ages if age is not None]
    like = release.version
    table = like.table.model_copy(
        update={"checksum": release.checksum, "oldest": max(ages, default=None)}
    )
    return Version(
        version=name,
        title=f"{release.file}, brought in as a release of its own, like {like.version}",
        released=datetime.now(UTC).date().isoformat(),
        images=len(release.columns),
        patients=release.patients,
        ships=False,
        access=f"{release.file} ({release.checksum}), from whoever brought it in",
        table=table,
    )


def _holds(session: Session, dataset: Dataset, release: Incoming) -> bool:
    """Tell whether a release in the catalog says the same of every image as a table does.

    One table may be written in different ways: compressed, with other line ends, in another order.
    """
    if dataset.names_checksum != names_checksum(release.columns.names):
        return False
    query = sa.select(_IMAGES).where(_IMAGES.c.dataset_id == dataset.id).order_by("ordinal")
    rows = session.connection().execute(query).yield_per(_CHUNK)
    images = image_rows(key_of(dataset), release.columns)
    if any(tuple(row) != image for row, image in zip(rows, images, strict=True)):
        return False
    said = (
        select(Finding.name, Finding.members)
        .join(LabelSet, col(LabelSet.id) == Finding.label_set_id)
        .where(LabelSet.dataset_id == dataset.id, LabelSet.slug == release.version.table.labels)
    )
    return {name: load(blob) for name, blob in session.exec(said)} == findings_of(release.columns)


def _copy_boxes(
    session: Session, origin: Dataset, dataset: Dataset, names: Sequence[str]
) -> tuple[int, int]:
    """Give a release the boxes of another one; return how many, and how many have no image."""
    drawn = {each.slug for each in descriptor_of(origin).boxes}
    query = (
        select(Box, Image.name)
        .join(
            Image,
            (col(Image.dataset_id) == Box.dataset_id) & (col(Image.ordinal) == Box.ordinal),
        )
        .where(Box.dataset_id == origin.id)
        .order_by(col(Box.source), col(Box.number))
    )
    boxes = [(box, name) for box, name in session.exec(query) if box.source in drawn]

    def placed() -> Iterator[tuple[object, ...]]:
        for box, name in boxes:
            ordinal = bisect_left(names, name)
            if ordinal < len(names) and names[ordinal] == name:
                values = box.model_dump() | {"dataset_id": dataset.id, "ordinal": ordinal}
                yield tuple(values[field] for field in Box.model_fields)

    rows = list(placed())
    insert_many(session, Box, rows)
    return len(rows), len(boxes) - len(rows)


def _boxes_of(session: Session, dataset: Dataset) -> int:
    return len(session.exec(select(Box.number).where(Box.dataset_id == dataset.id)).all())


def _arrival(row: Dataset, like: str, changed: bool, boxes: int, left_out: int) -> Arrival:
    return Arrival(
        dataset=row.slug,
        version=row.version,
        like=like,
        changed=changed,
        images=row.images,
        patients=row.patients,
        checksum=row.table_checksum,
        boxes=boxes,
        boxes_left_out=left_out,
    )
