"""Bring a dataset into the catalog: its descriptor, its images, its labels, boxes and indexes."""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime
from itertools import islice
from pathlib import Path

from pyroaring import BitMap
from sqlmodel import Session, select

from ..schemas.descriptor import BoxTable, Descriptor, Version
from ..schemas.errors import InputError, UsageError
from ..schemas.tables import Box, Dataset, Facet, Finding, Image, LabelSet, PatientIndex, key_of
from . import events
from .bitmaps import dump
from .checksums import names_checksum, of_file
from .datasets import descriptor_of
from .index import FACETS
from .metadata import Metadata, read_cells
from .progress import SILENT, Progress
from .recognise import Incoming, checked, read
from .store import insert_many, without_indexes
from .suggest import unknown

_STEP = 5_000  # rows that are written at a time


def ingest(
    session: Session,
    descriptor: Descriptor,
    version: Version,
    source: Path,
    by: str,
    progress: Progress = SILENT,
) -> Dataset:
    """Write a release that ships with its descriptor, inside the session's transaction.

    `source` is the descriptor's file; the tables that it names lie beside it. Raises `UsageError`
    when the release is there already, and `InputError` when a file is missing, is not the one that
    the descriptor names, or is wrong.
    """
    folder = source.parent
    release = read(folder / version.table.file, descriptor, version, progress)
    dataset = write(session, descriptor, str(of_file(source)), release, progress)
    for boxes in descriptor.boxes:
        rows = _boxes(key_of(dataset), boxes, folder, descriptor, release.columns.names)
        insert_many(session, Box, rows)
    record(session, dataset, release, by)
    return dataset


def write(
    session: Session,
    descriptor: Descriptor,
    descriptor_checksum: str,
    release: Incoming,
    progress: Progress,
) -> Dataset:
    """Write a release that was read: all but its boxes and the event.

    Raises `UsageError` when the release is there already.
    """
    version, columns = release.version, release.columns
    known = select(Dataset).where(Dataset.slug == descriptor.slug)
    if session.exec(known.where(Dataset.version == version.version)).first():
        raise UsageError(f"{descriptor.slug}@{version.version} is in the catalog already")
    now = datetime.now(UTC)
    dataset = Dataset(
        slug=descriptor.slug,
        version=version.version,
        title=descriptor.title,
        is_default=version.version == descriptor.default_version,
        descriptor=descriptor.model_dump_json(by_alias=True),
        descriptor_checksum=descriptor_checksum,
        table_checksum=release.checksum,
        names_checksum=names_checksum(columns.names),
        images=len(columns),
        patients=release.patients,
        at=now,
    )
    session.add(dataset)
    session.flush()
    dataset_id = key_of(dataset)
    _write_images(session, dataset_id, columns, progress)
    session.add(PatientIndex(dataset_id=dataset_id, ranks=release.ranks))
    insert_many(session, Facet, _facets(dataset_id, columns))
    labels = LabelSet(
        dataset_id=dataset_id,
        slug=version.table.labels,
        kind="labels",
        title=descriptor.labels_of(version.table.labels).title,
        source=release.file,
        checksum=release.checksum,
        at=now,
    )
    session.add(labels)
    session.flush()
    insert_many(session, Finding, _findings(key_of(labels), columns))
    return dataset


def record(
    session: Session, dataset: Dataset, release: Incoming, by: str, **detail: object
) -> None:
    """Record that a release came in, with what more there is to say of it."""
    events.record(
        session,
        by,
        "dataset.ingested",
        f"{dataset.slug}@{dataset.version}",
        images=dataset.images,
        patients=dataset.patients,
        table=release.file,
        checksum=release.checksum,
        **detail,
    )


def refresh_descriptor(session: Session, descriptor: Descriptor, source: Path, by: str) -> None:
    """Store a newer text of a descriptor for every release of the dataset that is here.

    A release that the text does not have, such as a corrected one, keeps its own part of it.
    """
    checksum = str(of_file(source))
    for row in session.exec(select(Dataset).where(Dataset.slug == descriptor.slug)):
        if row.descriptor_checksum == checksum:
            continue
        events.record(
            session,
            by,
            "dataset.described",
            f"{row.slug}@{row.version}",
            before=row.descriptor_checksum,
            after=checksum,
        )
        own = descriptor_of(row).version_of(row.version)
        row.descriptor = descriptor.with_version(own).model_dump_json(by_alias=True)
        row.descriptor_checksum = checksum
        row.title = descriptor.title
        session.add(row)


def image_rows(dataset_id: int, columns: Metadata) -> Iterator[tuple[object, ...]]:
    """Yield the rows of the images, with all of the table's columns in their order."""
    total = len(columns)
    return zip(
        [dataset_id] * total,
        range(total),
        columns.names,
        columns.patients,
        columns.follow_ups,
        columns.ages,
        columns.sexes,
        columns.views,
        columns.widths,
        columns.heights,
        columns.spacings_x,
        columns.spacings_y,
        strict=True,
    )


def _write_images(session: Session, dataset_id: int, columns: Metadata, progress: Progress) -> None:
    rows = image_rows(dataset_id, columns)
    total = len(columns)
    with progress.task("ingesting", total, "rows") as advance, without_indexes(session, Image):
        while some := list(islice(rows, _STEP)):
            insert_many(session, Image, some)
            advance(len(some))


def _facets(dataset_id: int, columns: Metadata) -> Iterator[tuple[object, ...]]:
    fields: dict[str, Sequence[str | int | None]] = {
        "view": columns.views,
        "sex": columns.sexes,
        "age": columns.ages,
        "follow_up": columns.follow_ups,
    }
    for field in FACETS:
        for value, members in _grouped(fields[field]).items():
            yield dataset_id, field, "" if value is None else str(value), dump(members)


def findings_of(columns: Metadata) -> dict[str, BitMap]:
    """Return each finding with the images of which the table says that it is present."""
    members: dict[str, BitMap] = defaultdict(BitMap)
    for cell, images in _grouped(columns.cells).items():
        for name in columns.findings[str(cell)]:
            members[name] |= images
    return dict(members)


def _findings(label_set_id: int, columns: Metadata) -> Iterator[tuple[object, ...]]:
    for name, images in sorted(findings_of(columns).items()):
        yield label_set_id, name, "present", len(images), dump(images)


def _grouped(values: Sequence[str | int | None]) -> dict[str | int | None, BitMap]:
    groups: dict[str | int | None, list[int]] = defaultdict(list)
    for ordinal, value in enumerate(values):
        groups[value].append(ordinal)
    return {value: BitMap(images) for value, images in groups.items()}


def _boxes(
    dataset_id: int, spec: BoxTable, folder: Path, descriptor: Descriptor, names: Sequence[str]
) -> Iterator[tuple[object, ...]]:
    path = folder / spec.file
    checked(path, spec.checksum)
    header, columns = read_cells(path, SILENT, None)
    for column in (spec.name, spec.finding, spec.first_coordinate):
        if column not in header:
            raise InputError(f"{spec.file}:1: the column {column!r} is missing")
    name_at, finding_at = header.index(spec.name), header.index(spec.finding)
    first = header.index(spec.first_coordinate)
    spellings = descriptor.vocabulary.spellings()
    for number, row in enumerate(zip(*columns, strict=True)):
        where = f"{spec.file}:{number + 2}"
        ordinal = bisect_left(names, row[name_at])
        if ordinal == len(names) or names[ordinal] != row[name_at]:
            raise InputError(f"{where}: {row[name_at][:60]!r} is not an image of the dataset")
        finding = spellings.get(row[finding_at].casefold())
        if finding is None:
            raise InputError(f"{where}: {unknown('finding', row[finding_at][:60], spellings)}")
        try:
            x, y, width, height = map(float, row[first : first + 4])
        except ValueError as error:
            raise InputError(f"{where}: a box is four numbers: x, y, width, height") from error
        inside = x >= 0 and y >= 0 and x + width <= spec.frame[0] and y + height <= spec.frame[1]
        if not (inside and width > 0 and height > 0):
            raise InputError(f"{where}: the box lies outside the image's frame of {spec.frame}")
        yield dataset_id, spec.slug, number, ordinal, finding, x, y, width, height
