"""Carry an export out: every file is whole and checked before the folder is published."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from urllib.parse import quote

from sqlmodel import Session

from ...schemas.checksum import Checksum
from ...schemas.descriptor import Descriptor
from ...schemas.errors import CatalogError
from ...schemas.manifest import (
    SCHEMA_ID,
    DatasetFacts,
    ExportFacts,
    FileFact,
    FunnelStep,
    ImagesFacts,
    Profile,
    Provenance,
    ReadFact,
    SubsetFacts,
    Tool,
)
from ...schemas.tables import Dataset, Export, Subset, key_of
from .. import boxes, exports, images, subsets
from ..bitmaps import load
from ..checksums import names_checksum, of_bytes, of_file
from ..datasets import full_descriptor
from ..duties import Owed, gather
from ..formats import check_papers, papers
from ..index import DatasetIndex
from ..lineage import TABLE, used
from ..profile import profile as profile_of
from ..progress import SILENT, Progress
from ..settings import Settings
from ..store import Store
from ..verify import write_checksums
from ..withdrawn import check_withdrawn
from .boxes import box_files
from .plan import CHECKSUMS, MANIFEST, Plan, Request, check_destination, make_plan
from .staging import is_busy, publish, staged, write_file
from .table import Written, write_table
from .transfer import ImageMode, Transferred, transfer

_FOLDER = "images"


def export(
    store: Store, settings: Settings, request: Request, progress: Progress = SILENT
) -> tuple[Provenance, Plan]:
    """Write a subset with everything that it owes, and record it; return its manifest.

    The folder appears at its destination complete, or not at all. Raises `UsageError`,
    `InputError` or `SourceError` (see `make_plan`), with nothing written, and `CheckFailedError`
    when the papers do not agree with one another.
    """
    if request.project is not None:
        exports.check_project(request.project)
    with store.reading() as session:
        subset = subsets.get(session, request.subset)
        if not request.allow_withdrawn:
            check_withdrawn(session, subset)
        dataset = session.get_one(Dataset, subset.dataset_id)
        names = _names(session, dataset, subset) if request.source else []
        descriptor = full_descriptor(session, dataset)
        owed = gather(descriptor, used(session, descriptor, dataset, subset))
    plan = make_plan(request, subset.name, names)
    facts = _facts(settings, request.project)
    with staged(plan.destination, facts.id) as folder:
        # Once more, now that no other run can change it: one may just have ended there, and one
        # that was killed may have moved an earlier export aside, which is back by now.
        replaces = check_destination(plan.destination, request.replace)
        brought = _bring(plan, folder, progress)
        with store.reading() as session:
            members = load(subset.members)
            table = _write_rows(session, folder, dataset, subset, descriptor, brought)
            drawn = boxes.listing(session, dataset, descriptor, members)
            profile = profile_of(session, dataset, members)
        manifest = _manifest(facts, descriptor, dataset, subset, owed, plan, table.names, profile)
        path = folder / TABLE
        files = [FileFact(path=TABLE, size=path.stat().st_size, checksum=str(of_file(path)))]
        files += _write_files(folder, box_files(drawn, descriptor, manifest))
        manifest = manifest.model_copy(update={"files": files})
        checksum = _write_papers(folder, manifest, brought)
        with store.writing() as session:
            exports.prepare(session, _row(manifest, plan, request, subset, checksum), facts.project)
        publish(folder, plan.destination, replaces)
    with store.writing() as session:
        exports.settle(session, facts.id, exports.PUBLISHED, facts.by)
        exports.record_replicas(session, dataset, "folder", _seen(names, subset, brought))
    return manifest, plan


def draft(store: Store, settings: Settings, name: str) -> Provenance:
    """Return the manifest that an export of a subset without images would have, to cite from."""
    with store.reading() as session:
        subset = subsets.get(session, name)
        dataset = session.get_one(Dataset, subset.dataset_id)
        members = load(subset.members)
        checksum = names_checksum(images.names(session, dataset, members))
        profile = profile_of(session, dataset, members)
        descriptor = full_descriptor(session, dataset)
        owed = gather(descriptor, used(session, descriptor, dataset, subset))
    plan = Plan(Path(), ImageMode.NONE, {}, [])
    facts = _facts(settings, None)
    return _manifest(facts, descriptor, dataset, subset, owed, plan, checksum, profile)


def settle_interrupted(store: Store, settings: Settings) -> None:
    """Say of each export whose run was killed while publishing whether it stands."""
    with store.writing() as session:
        for row in exports.unsettled(session, settings.host):
            if is_busy(Path(row.destination)):
                continue  # its run is not over
            there = exports.stands(row.destination, row.id)
            state = exports.PUBLISHED if there else exports.ABANDONED
            exports.settle(session, row.id, state, settings.by)


def _facts(settings: Settings, project: str | None) -> ExportFacts:
    return ExportFacts(
        id=str(uuid.uuid4()),
        at=datetime.now(UTC).replace(microsecond=0),
        by=settings.by,
        host=settings.host,
        project=project,
    )


def _names(session: Session, dataset: Dataset, subset: Subset) -> list[str]:
    return list(images.names(session, dataset, load(subset.members)))


def _bring(plan: Plan, folder: Path, progress: Progress) -> dict[str, Transferred]:
    if plan.mode is ImageMode.NONE:
        return {}
    (folder / _FOLDER).mkdir()
    return transfer(plan.found, folder / _FOLDER, plan.mode, progress)


def _write_rows(
    session: Session,
    folder: Path,
    dataset: Dataset,
    subset: Subset,
    descriptor: Descriptor,
    brought: Mapping[str, Transferred],
) -> Written:
    index = DatasetIndex(session, dataset)
    labels = descriptor.version_of(dataset.version).table.labels
    rows = images.iterate(session, dataset, index, load(subset.members), labels)
    source = descriptor.source_of_images
    table = write_table(folder / TABLE, rows, descriptor, source, brought)
    if table.rows != subset.images:
        raise CatalogError(
            f"the catalog holds {table.rows:,} of the {subset.images:,} images of "
            f"{subset.name}@{subset.version}; restore it from a backup"
        )
    return table


def _manifest(
    facts: ExportFacts,
    descriptor: Descriptor,
    dataset: Dataset,
    subset: Subset,
    owed: Owed,
    plan: Plan,
    names: str,
    profile: Profile,
) -> Provenance:
    source = descriptor.source_of_images
    return Provenance.model_validate(
        {
            "$schema": SCHEMA_ID,
            "format": "cxrcat.provenance/1",
            "tool": Tool(version=version("cxrcat")),
            "export": facts,
            "dataset": DatasetFacts(
                slug=dataset.slug,
                version=dataset.version,
                title=dataset.title,
                short_title=descriptor.short_title,
                homepage=descriptor.homepage,
                provider=descriptor.provider,
                terms=descriptor.terms,
                images=dataset.images,
                patients=dataset.patients,
                table_checksum=dataset.table_checksum,
                names_checksum=dataset.names_checksum,
            ),
            "subset": SubsetFacts(
                name=subset.name,
                version=subset.version,
                query=subset.query,
                normal=subset.normal,
                note=subset.note,
                reads=[ReadFact.model_validate(read) for read in subset.reads],
                images=subset.images,
                patients=subset.patients,
                digest=subset.digest,
                names=names,
                funnel=[FunnelStep.model_validate(step) for step in subset.funnel],
                profile=profile,
            ),
            "duties": list(owed.duties),
            "citations": list(owed.citations),
            "images": ImagesFacts(
                mode=plan.mode.value,
                source=source.slug if source else None,
                uri=source.uri if source else None,
                files=len(plan.found),
                size=plan.size,
                missing=len(plan.missing),
            ),
            "files": [],
        }
    )


def _write_files(folder: Path, files: Mapping[str, bytes]) -> list[FileFact]:
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_file(folder / name, data)
    return [
        FileFact(path=name, size=len(data), checksum=str(of_bytes(data)))
        for name, data in files.items()
    ]


def _write_papers(
    folder: Path, manifest: Provenance, brought: Mapping[str, Transferred]
) -> Checksum:
    """Write the papers, the manifest and the list of checksums; return the list's checksum."""
    texts = papers(manifest)
    check_papers(texts, manifest)
    listed = {f"{_FOLDER}/{name}": each.checksum for name, each in brought.items()}
    written = _write_files(folder, {name: text.encode() for name, text in texts.items()})
    files = [*manifest.files, *written]
    files.sort(key=lambda file: file.path)
    listed.update({file.path: Checksum.parse(file.checksum) for file in files})
    data = manifest.model_copy(update={"files": files}).to_json().encode()
    write_file(folder / MANIFEST, data)
    listed[MANIFEST] = of_bytes(data)
    data = write_checksums(listed).encode()
    write_file(folder / CHECKSUMS, data)
    return of_bytes(data)


def _row(
    manifest: Provenance, plan: Plan, request: Request, subset: Subset, checksum: Checksum
) -> Export:
    return Export(
        id=manifest.export.id,
        subset_id=key_of(subset),
        host=manifest.export.host,
        destination=str(plan.destination),
        mode=plan.mode.value,
        source=str(request.source.absolute()) if request.source else None,
        files=len(plan.found),
        size=plan.size,
        missing=len(plan.missing),
        checksum=str(checksum),
        state=exports.PREPARED,
        by=manifest.export.by,
        at=manifest.export.at,
    )


def _seen(
    names: list[str], subset: Subset, brought: Mapping[str, Transferred]
) -> Iterator[tuple[int, str, int, str]]:
    """Yield each image read as (ordinal, URI, size in bytes, checksum)."""
    here = os.getcwd()  # noqa: PTH109 - no path object an image, which takes far longer
    for ordinal, name in zip(load(subset.members), names, strict=bool(names)):
        if name in brought:
            each = brought[name]
            uri = "file://" + quote(os.fsencode(os.path.join(here, each.source)))  # noqa: PTH118
            yield ordinal, uri, each.size, str(each.checksum)
