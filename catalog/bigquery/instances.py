"""Learn from a table of DICOM metadata which instance each image of a dataset is."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlmodel import Session, select

from ...schemas.descriptor import Descriptor, Fact, SourceKind, SourceSpec
from ...schemas.errors import NotFoundError, UsageError
from ...schemas.tables import Dataset, Replica, key_of
from .. import events, images, matching, replicas
from ..index import DatasetIndex
from ..progress import Progress
from ..suggest import unknown
from .compile import select_columns
from .warehouse import Bill, Column, Grant, Table, Warehouse, missing_columns

UIDS = ("StudyInstanceUID", "SeriesInstanceUID", "SOPInstanceUID")
_UID = re.compile(r"[0-9.]{1,64}")  # PS3.5, section 9


@dataclass(frozen=True, slots=True)
class Instances:
    """The rows of a table, each with its UIDs and the attributes that tell its image."""

    spec: SourceSpec
    table: Table
    bill: Bill
    rows: list[dict[str, Any]]
    attributes: dict[str, Fact]


@dataclass(frozen=True, slots=True)
class Identified:
    """What a table of instances told: how many `rows` are an image that is known for certain.

    `ambiguous` rows fit several images, or several rows an image; `unknown` rows fit none, or have
    no UIDs. `new` are the replicas that were not on record, `bytes_billed` what the dry run said.
    """

    dataset: str
    version: str
    table: str
    rows: int
    matched: int
    ambiguous: int
    unknown: int
    new: int
    bytes_billed: int


def source_of(descriptor: Descriptor, slug: str) -> SourceSpec:
    """Return the source of a name that is a table; raise `UsageError` when there is none."""
    specs = {each.slug: each for each in descriptor.sources}
    tables = [each.slug for each in descriptor.sources if each.kind is SourceKind.BIGQUERY]
    if slug not in specs:
        raise NotFoundError(unknown("source", slug, tables))
    if slug not in tables:
        raise UsageError(
            f"{slug} is no table; 'cxrcat ingest --from' reads {' or '.join(tables) or 'none here'}"
        )
    return specs[slug]


def read(descriptor: Descriptor, slug: str, grant: Grant, progress: Progress) -> Instances:
    """Return the instances that a table lists, after its bill was agreed to.

    Raises `InputError` that names what the table lacks, and `SourceError` when BigQuery fails.
    """
    spec = source_of(descriptor, slug)
    table = Table.parse(grant.table or spec.uri)
    with Warehouse(grant) as warehouse:
        columns = warehouse.columns(table)
        wanted = dict.fromkeys(UIDS, "the instance")
        wanted |= {keyword: fact for keyword, fact in spec.attributes.items() if fact != "age"}
        missing_columns(table, columns, wanted)
        names: list[Column] = [columns[each.casefold()] for each in wanted]
        bill, rows = warehouse.ask(table, select_columns(table, names), progress)
    keywords = {columns[each.casefold()].name: each for each in wanted}
    rows = [{keywords[name]: value for name, value in row.items()} for row in rows]
    return Instances(spec, table, bill, rows, spec.attributes)


def record(
    session: Session, dataset: Dataset, descriptor: Descriptor, found: Instances, by: str
) -> Identified:
    """Record the instance of each image that is identified; what is on record stays.

    An instance of the descriptor's own table is recorded where the descriptor's DICOMweb source
    has it, and one of another table by its UID alone, since nothing says where its bytes are.
    """
    index = DatasetIndex(session, dataset)
    labels = descriptor.version_of(dataset.version).table.labels
    every = list(images.iterate(session, dataset, index, index.universe(), labels))
    ordinals = {each.name: each.ordinal for each in every}
    usable = [row for row in found.rows if all(_UID.fullmatch(str(row[uid])) for uid in UIDS)]
    matches = matching.match(
        usable,
        matching.facts_of(every),
        found.attributes,
        descriptor.vocabulary.spellings(),
    )
    source, root = _home(descriptor, found)
    query = select(Replica.uri).where(Replica.dataset_id == key_of(dataset))
    known = set(session.exec(query.where(Replica.source == source)))

    def seen() -> Iterator[replicas.Seen]:
        for row, name in matches.matched:
            study, series, instance = (str(row[uid]) for uid in UIDS)
            uri = f"urn:oid:{instance}"
            if root is not None:
                uri = f"{root}/studies/{study}/series/{series}/instances/{instance}"
            if uri not in known:
                yield replicas.Seen(
                    ordinals[name], uri, study=study, series=series, instance=instance
                )

    new = list(seen())
    replicas.record(session, dataset, source, new)
    told = Identified(
        dataset=dataset.slug,
        version=dataset.version,
        table=str(found.table),
        rows=len(found.rows),
        matched=len(matches.matched),
        ambiguous=len(matches.ambiguous),
        unknown=len(matches.unknown) + len(found.rows) - len(usable),
        new=len(new),
        bytes_billed=found.bill.size,
    )
    if new:
        events.record(
            session,
            by,
            "instances.identified",
            f"{dataset.slug}@{dataset.version}",
            table=told.table,
            source=source,
            rows=told.rows,
            images=told.matched,
            new=told.new,
        )
    return told


def _home(descriptor: Descriptor, found: Instances) -> tuple[str, str | None]:
    """Return the source by which the instances are recorded, and its DICOMweb root if any."""
    stores = [each for each in descriptor.sources if each.kind is SourceKind.DICOMWEB]
    if found.table == Table.parse(found.spec.uri) and stores:
        return stores[0].slug, stores[0].uri.rstrip("/")
    return found.spec.slug, None
