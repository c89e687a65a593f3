"""Carry an export out: every file is whole and checked before the folder is published."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

from ...schemas.checksum import Checksum
from ...schemas.manifest import ExportFacts, Provenance
from ...schemas.tables import Export, Subset, key_of
from .. import exports, images, replicas, subsets
from ..bag import write_bag
from ..bitmaps import load
from ..checksums import names_checksum
from ..cloud import SCHEME
from ..dicom import uids_or_none
from ..payload import PAYLOAD
from ..profile import profile as profile_of
from ..progress import SILENT, Progress
from ..replicas import Seen
from ..settings import Settings
from ..sources import Source, Transferred, open_source
from ..store import Store
from ..withdrawn import check_withdrawn
from .fetch import bring
from .manifest import Cut, make_manifest
from .plan import Plan, Request, check_destination, check_mode, make_plan
from .sign import sign
from .staging import is_busy, publish, staged, write_file
from .transfer import ImageMode
from .write import IMAGES, write_slice


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
    check_mode(request)
    cut, names = read_cut(store, request)
    with ExitStack() as stack:
        source = None
        if request.source is not None:
            from ..instances import Instances  # with numpy, which takes long to import

            instances = Instances(store, cut.dataset, cut.descriptor)
            source = open_source(str(request.source), cut.descriptor, request.access, instances)
            stack.callback(source.close)
        plan = make_plan(request, cut.subset.name, names, source, progress)
        facts = make_facts(settings, request)
        folder = stack.enter_context(staged(plan.destination, facts.id))
        # Once more, now that no other run can change it: one may just have ended there, and one
        # that was killed may have moved an earlier export aside, which is back by now.
        replaces = check_destination(plan.destination, request.replace)
        place = folder / PAYLOAD if request.bag else folder
        place.mkdir(exist_ok=True)
        brought = bring(plan, source, request, place / IMAGES, progress) if source else {}
        manifest, checksum = write_slice(store, place, cut, facts, plan, source, brought)
        if request.sign is not None:  # over all that is there
            sign(place, request.sign, progress)
        if request.bag:
            write_bag(folder, manifest, write_file)
        row = make_row(manifest, str(plan.destination), plan, source, cut.subset, checksum)
        with store.writing() as session:
            exports.prepare(session, row, facts.project)
        seen = list(_seen(names, cut.subset, source, brought, place / IMAGES)) if source else []
        publish(folder, plan.destination, replaces)
        with store.writing() as session:
            exports.settle(session, facts.id, exports.PUBLISHED, facts.by)
            if source is not None:
                replicas.record(session, cut.dataset, source.slug, seen)
    return manifest, plan


def read_cut(store: Store, request: Request) -> tuple[Cut, list[str]]:
    """Return what is to be cut, and the names of its images if these are to be brought.

    Raises `NotFoundError` for an unknown subset, and `UsageError` when it holds images that were
    withdrawn and that was not allowed.
    """
    with store.reading() as session:
        subset = subsets.get(session, request.subset)
        if not request.allow_withdrawn:
            check_withdrawn(session, subset)
        cut = Cut.of(session, subset)
        names = []
        if request.source is not None:
            names = list(images.names(session, cut.dataset, load(subset.members)))
    return cut, names


def draft(store: Store, settings: Settings, name: str) -> Provenance:
    """Return the manifest that an export of a subset without images would have, to cite from."""
    with store.reading() as session:
        cut = Cut.of(session, subsets.get(session, name))
        members = load(cut.subset.members)
        checksum = names_checksum(images.names(session, cut.dataset, members))
        profile = profile_of(session, cut.dataset, members)
    plan, nothing = Plan(Path(), ImageMode.NONE, {}, []), dict[str, Transferred]()
    facts = make_facts(settings, Request(name))
    return make_manifest(cut, facts, cut.owed(None), plan, None, nothing, checksum, profile)


def settle_interrupted(store: Store, settings: Settings) -> None:
    """Say of each export whose run was killed while publishing whether it stands."""
    with store.writing() as session:
        for row in exports.unsettled(session, settings.host):
            if row.destination.startswith(SCHEME) or is_busy(Path(row.destination)):
                continue  # its run is not over, or its bucket would have to be asked
            there = exports.stands(row.destination, row.id)
            state = exports.PUBLISHED if there else exports.ABANDONED
            exports.settle(session, row.id, state, settings.by)


def make_facts(settings: Settings, request: Request) -> ExportFacts:
    """Return when, who and where."""
    return ExportFacts(
        id=str(uuid.uuid4()),
        at=datetime.now(UTC).replace(microsecond=0),
        by=settings.by,
        host=settings.host,
        project=request.project,
        signer=request.sign.fingerprint if request.sign is not None else None,
    )


def make_row(
    manifest: Provenance,
    destination: str,
    plan: Plan,
    source: Source | None,
    subset: Subset,
    checksum: Checksum,
) -> Export:
    """Return the record of an export that is complete and not published yet."""
    return Export(
        id=manifest.export.id,
        subset_id=key_of(subset),
        host=manifest.export.host,
        destination=destination,
        mode=plan.mode.value,
        source=source.place if source else None,
        brought_from=manifest.images.brought_from,
        files=manifest.images.files,
        size=manifest.images.size,
        missing=len(plan.missing),
        checksum=str(checksum),
        state=exports.PREPARED,
        by=manifest.export.by,
        at=manifest.export.at,
    )


def _seen(
    names: list[str],
    subset: Subset,
    source: Source,
    brought: Mapping[str, Transferred],
    folder: Path,
) -> Iterator[Seen]:
    dicom = source.media_type == "application/dicom"
    for ordinal, name in zip(load(subset.members), names, strict=True):
        if name in brought:
            each = brought[name]
            uids = uids_or_none(folder / each.file) if dicom else None
            yield Seen(
                ordinal=ordinal,
                uri=source.uri_of(each.found),
                size=each.size,
                checksum=str(each.checksum),
                version=each.found.version,
                stored=each.found.stored,
                study=uids and uids.study,
                series=uids and uids.series,
                instance=uids and uids.instance,
            )
