"""Say which exports and projects hold images, and what these owe."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ...schemas.tables import Dataset, Export, Project, Subset, Use
from .. import datasets, duties, lineage
from ..duties import Used
from ..exports import ABANDONED
from ..formats.wording import references
from .nearest import Share
from .report import Held, Owes

_DICOM = "application/dicom"


def exports_of(
    session: Session, found: Iterable[Share], places: Sequence[str], host: str
) -> tuple[Held, ...]:
    """Return the exports of versions that share images, the nearest first, then the newest."""
    by_key = {share.key: share for share in found}
    here = {os.path.realpath(place) for place in places}
    query = (
        sa.select(Export, col(Project.slug))
        .outerjoin(Project, col(Project.id) == Export.project_id)
        .where(col(Export.state) != ABANDONED)
        .order_by(col(Export.at).desc(), col(Export.id))
    )
    held = [
        Held(
            id=row.id,
            project=project,
            destination=row.destination,
            state=row.state,
            here=row.host == host and row.destination in here,
            share=by_key[row.subset_id],
        )
        for row, project in session.execute(query)
        if row.subset_id in by_key
    ]
    return tuple(sorted(held, key=lambda each: -each.share.jaccard))


def projects_of(session: Session, found: Iterable[Share], exports: Iterable[Held]) -> set[str]:
    """Return the projects that exported or used such versions."""
    keys = {share.key for share in found}
    uses = session.exec(
        select(Use.subset_id, Project.slug).join(Project, col(Project.id) == Use.project_id)
    )
    named = {project for subset, project in uses if subset in keys}
    return named | {each.project for each in exports if each.project}


def owed(
    session: Session, dataset: Dataset, exact: Share | None, files: Iterable[str]
) -> tuple[Owes, ...]:
    """Return what images of a dataset owe, and what the subset that they are owes besides.

    `files` are the names of their files: those of DICOM instances owe who converted them.
    """
    descriptor = datasets.full_descriptor(session, dataset)
    used: list[Used] = []
    if exact is not None:
        subset = session.get_one(Subset, exact.key)
        owner = session.get_one(Dataset, subset.dataset_id)
        used += lineage.used(session, descriptor, owner, subset)
    if any(name.casefold().endswith((".dcm", ".dicom")) for name in files):
        used += [
            Used("source", source.slug, f"DICOM instances come from {source.title}")
            for source in descriptor.sources
            if source.media_type == _DICOM
        ]
    found = duties.gather(descriptor, used)
    works = {work.id: " ".join(references(work)) for work in found.citations}
    return tuple(
        Owes(
            id=duty.id,
            kind=duty.kind.value,
            text=duty.text,
            url=duty.url,
            reference=works.get(duty.citation or ""),
            because=tuple(duty.because),
        )
        for duty in found.duties
    )
