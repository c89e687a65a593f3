"""Add a label set or a split: read its files, check them, and record them in one transaction.

An addition states the whole set. The same files change nothing; other files take the place of the
earlier ones, which keep their rows under ``slug@number``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ...schemas.descriptor import Descriptor
from ...schemas.errors import InputError, NotFoundError, UsageError
from ...schemas.labels import SPLIT, Brought, LabelFile, LabelMapping, LabelSetSpec, SplitSpec
from ...schemas.tables import Dataset, Facet, Finding, Image, LabelSet, Reading, key_of
from ...schemas.terms import Citation, Duty
from ...schemas.yaml_reader import read_model
from .. import events
from ..bitmaps import dump
from ..checksums import names_checksum, of_bytes
from ..datasets import brought_along, find, full_descriptor
from ..index import DatasetIndex
from ..store import insert_many
from ..suggest import unknown
from .check import Ordinals, combine, divide
from .files import Rows, match, read_list, read_table


@dataclass(frozen=True, slots=True)
class Added:
    """What an addition did: the set's name, remarks on its files, and the name of the earlier set.

    `changed` is false when the same files were there already.
    """

    slug: str
    dataset: str
    changed: bool
    supersedes: str | None
    remarks: tuple[str, ...]


def add(session: Session, what: str, paths: Sequence[Path], name: str | None, by: str) -> Added:
    """Add the split, a label set that the dataset knows, or one that a mapping's file describes.

    `what` is ``split``, a label set's slug, or the path of a YAML file; `name` is a dataset's, None
    for the default one or the mapping's own. Raises `UsageError` or `InputError` before anything is
    written.
    """
    if not paths:
        raise UsageError(f"name the files of {what} too")
    mapping = None
    if what.casefold().endswith((".yaml", ".yml")):
        mapping = read_model(Path(what), LabelMapping)
        name = name or mapping.dataset
    dataset = find(session, name)
    descriptor = full_descriptor(session, dataset)
    if what == SPLIT:
        return _add_split(session, dataset, descriptor, paths, by)
    if mapping is None:
        spec = _known(descriptor, what)
        mapping = {each.labels.slug: each for each in brought_along(session, dataset)}.get(what)
    else:
        _check_mapping(what, mapping, dataset, descriptor, brought_along(session, dataset))
        spec = mapping.labels
    return _add_labels(session, dataset, descriptor, spec, mapping, paths, by)


def _known(descriptor: Descriptor, slug: str) -> LabelSetSpec:
    try:
        spec = descriptor.labels_of(slug)
    except KeyError:
        addable = [SPLIT] if descriptor.splits else []
        addable += [each.slug for each in descriptor.label_sets if each.tables]
        raise NotFoundError(unknown("label set", slug, addable)) from None
    if not spec.tables:
        raise UsageError(f"the label set {slug!r} comes with the dataset; it takes no files")
    return spec


def _check_mapping(
    path: str,
    mapping: LabelMapping,
    dataset: Dataset,
    descriptor: Descriptor,
    others: Sequence[LabelMapping],
) -> None:
    """Check that what a mapping names does not mean something else in the catalog already."""
    if mapping.dataset != dataset.slug:
        raise UsageError(f"{path}: is of the dataset {mapping.dataset!r}, not of {dataset.slug!r}")
    slug = mapping.labels.slug
    own = [each for each in others if each.labels.slug == slug]
    if not own and slug in {each.slug for each in descriptor.label_sets}:
        raise InputError(f"{path}: the dataset has a label set {slug!r} itself; take another slug")
    for kind, known, here, earlier in (
        ("duty", descriptor.duties, mapping.duties, [each.duties for each in own]),
        ("citation", descriptor.citations, mapping.citations, [each.citations for each in own]),
    ):
        _check_ids(f"{path}: the {kind}", known, here, earlier)


def _check_ids(
    what: str,
    known: Sequence[Duty | Citation],
    here: Sequence[Duty | Citation],
    earlier: Sequence[Sequence[Duty | Citation]],
) -> None:
    """Refuse an id that means something else; a newer edition may correct its own."""
    own = {each.id for every in earlier for each in every}
    meanings = {each.id: each for each in known if each.id not in own}
    for each in here:
        if meanings.get(each.id, each) != each:
            raise InputError(
                f"{what} {each.id!r} is in the catalog already and is another; take another id"
            )


def _add_labels(
    session: Session,
    dataset: Dataset,
    descriptor: Descriptor,
    spec: LabelSetSpec,
    mapping: LabelMapping | None,
    paths: Sequence[Path],
    by: str,
) -> Added:
    tables = {file: table for table in spec.tables for file in table.files}
    words = spec.findings or descriptor.vocabulary.words()
    files: list[Rows] = []
    remarks: list[str] = []
    for path, table, checksum in match(paths, tables, f"the label set {spec.slug}"):
        rows, on_file = read_table(path, table, words, checksum)
        files.append(rows)
        remarks += on_file
    said = combine(files, _ordinals(session, dataset), f"{dataset.slug}@{dataset.version}")
    if not said.findings and not said.readings:
        raise InputError("the files say nothing of any image; nothing was added")
    remarks += said.remarks
    if not said.findings:
        remarks.append("only readers' own readings; questions need the set's labels too")
    row, earlier = _record(
        session, dataset, spec, "labels", [rows.file for rows in files], mapping, by
    )
    if row is None:
        return _added(dataset, spec.slug, False, None, remarks)
    key = key_of(row)
    insert_many(
        session,
        Finding,
        [(key, *place, len(each), dump(each)) for place, each in sorted(said.findings.items())],
    )
    insert_many(
        session,
        Reading,
        [(key, *place, len(each), dump(each)) for place, each in sorted(said.readings.items())],
    )
    return _added(dataset, spec.slug, True, earlier, remarks)


def _add_split(
    session: Session, dataset: Dataset, descriptor: Descriptor, paths: Sequence[Path], by: str
) -> Added:
    if not descriptor.splits:
        raise UsageError(f"the dataset {dataset.slug} has no split lists")
    (spec,) = descriptor.splits
    lists = {}
    files = {part.file: part for part in spec.parts}
    for path, part, checksum in match(paths, files, "the split"):
        if part.name in lists:
            raise InputError(f"{path}: {part.name!r} has its list already; nothing was added")
        lists[part.name] = read_list(path, checksum)
    for part in spec.parts:
        if part.name not in lists:
            raise UsageError(f"the list of {part.name!r} is missing: give {part.file} too")
    lists = {part.name: lists[part.name] for part in spec.parts}
    where = f"{dataset.slug}@{dataset.version}"
    patients = DatasetIndex(session, dataset).patients
    ordinals = _ordinals(session, dataset)
    members, remarks = divide(lists, spec.parts, ordinals, patients, where)
    row, earlier = _record(
        session, dataset, spec, SPLIT, [each.file for each in lists.values()], None, by
    )
    if row is None:
        return _added(dataset, SPLIT, False, None, remarks)
    key = key_of(dataset)
    if earlier is not None:
        facets = sa.update(Facet).where(col(Facet.dataset_id) == key, col(Facet.field) == SPLIT)
        session.connection().execute(facets.values(field=earlier))
    rows = [(key, SPLIT, part, dump(each)) for part, each in members.items()]
    insert_many(session, Facet, rows)
    return _added(dataset, SPLIT, True, earlier, remarks)


def _record(
    session: Session,
    dataset: Dataset,
    spec: LabelSetSpec | SplitSpec,
    kind: str,
    files: Sequence[LabelFile],
    mapping: LabelMapping | None,
    by: str,
) -> tuple[LabelSet | None, str | None]:
    """Record the set itself; return its row, None when it is there, and the earlier one's name."""
    if kind != SPLIT:  # of which each list is known by its place
        files = sorted(files, key=lambda file: (file.checksum, file.name))
    brought = Brought(files=list(files), mapping=mapping)
    checksum = _checksum(brought)
    rows = {row.slug: row for row in _editions(session, dataset, spec.slug)}
    current = rows.get(spec.slug)
    if current is not None and current.checksum == checksum:
        return None, None
    earlier = None
    if current is not None:
        earlier = current.slug = f"{spec.slug}@{len(rows)}"
        session.add(current)
        session.flush()
    row = LabelSet(
        dataset_id=key_of(dataset),
        slug=spec.slug,
        kind=kind,
        title=spec.title,
        source=", ".join(file.name for file in brought.files),
        checksum=checksum,
        spec=brought.model_dump_json(by_alias=True, exclude_none=True),
        at=datetime.now(UTC),
    )
    session.add(row)
    session.flush()
    events.record(
        session,
        by,
        "labels.added",
        spec.slug,
        dataset=f"{dataset.slug}@{dataset.version}",
        files=[file.model_dump() for file in brought.files],
        checksum=checksum,
        supersedes=earlier,
    )
    return row, earlier


def _editions(session: Session, dataset: Dataset, slug: str) -> Iterator[LabelSet]:
    """Yield the rows of a set, the earlier ones too."""
    for row in session.exec(select(LabelSet).where(LabelSet.dataset_id == dataset.id)):
        if row.slug.partition("@")[0] == slug:
            yield row


def _checksum(brought: Brought) -> str:
    """Return the checksum of the only file, else that of all files' and the mapping's."""
    checksums = [file.checksum for file in brought.files]
    if brought.mapping is not None:
        text = brought.mapping.model_dump_json(by_alias=True)
        checksums.append(str(of_bytes(text.encode())))
    return checksums[0] if len(checksums) == 1 else names_checksum(checksums)


def _ordinals(session: Session, dataset: Dataset) -> Ordinals:
    query = select(Image.name, Image.ordinal).where(Image.dataset_id == dataset.id)
    return dict(session.exec(query).all())


def _added(
    dataset: Dataset, slug: str, changed: bool, supersedes: str | None, remarks: Sequence[str]
) -> Added:
    where = f"{dataset.slug}@{dataset.version}"
    return Added(slug, where, changed, supersedes, tuple(remarks))
