"""The record of exports: what was written, where to, for which project."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, select

from ..schemas.errors import UsageError
from ..schemas.tables import Dataset, Export, Project, Subset
from . import events
from .payload import payload_of

PREPARED, PUBLISHED, ABANDONED = "prepared", "published", "abandoned"
_SLUG = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")


@dataclass(frozen=True, slots=True)
class ExportInfo:
    """An export as recorded: `files` and `size` (bytes) count the images alone."""

    id: str
    subset: str
    subset_version: int
    dataset: str
    dataset_version: str
    images: int
    project: str | None
    host: str
    destination: str
    mode: str
    source: str | None
    files: int
    size: int
    missing: int
    checksum: str
    state: str
    by: str
    at: str


def prepare(session: Session, export: Export, project: str | None) -> None:
    """Record an export that is complete and about to be published."""
    if project is not None:
        export.project_id = _project(session, project, export.by, export.at).id
    session.add(export)
    events.record(
        session,
        export.by,
        "export.prepared",
        export.id,
        subset=export.subset_id,
        destination=export.destination,
        checksum=export.checksum,
    )


def register(
    session: Session, export: Export, project: str | None, by: str, versions: dict[str, str]
) -> None:
    """Record an export that another catalog made; `versions` maps its subsets to those here."""
    if project is not None:
        export.project_id = _project(session, project, by, export.at).id
    session.add(export)
    events.record(
        session,
        by,
        "export.registered",
        export.id,
        subset=export.subset_id,
        destination=export.destination,
        checksum=export.checksum,
        versions=versions,
    )


def settle(session: Session, export_id: str, state: str, by: str) -> None:
    """Record whether an export came to stand at its destination."""
    row = session.get_one(Export, export_id)
    row.state = state
    session.add(row)
    events.record(session, by, f"export.{state}", export_id, destination=row.destination)


def unsettled(session: Session, host: str) -> list[Export]:
    """Return the exports of this host whose runs ended between recording and publishing."""
    query = select(Export).where(Export.state == PREPARED, Export.host == host)
    return list(session.exec(query))


def listing(session: Session, project: str | None = None) -> list[ExportInfo]:
    """Return every export, or those for one project, the newest first."""
    query = (
        sa.select(
            Export,
            col(Subset.name),
            col(Subset.version),
            col(Subset.images),
            col(Dataset.slug),
            col(Dataset.version),
            col(Project.slug),
        )
        .join(Subset, col(Subset.id) == Export.subset_id)
        .join(Dataset, col(Dataset.id) == Subset.dataset_id)
        .outerjoin(Project, col(Project.id) == Export.project_id)
        .order_by(col(Export.at).desc(), col(Export.id))
    )
    if project is not None:
        query = query.where(col(Project.slug) == project)
    return [_info(*row) for row in session.execute(query)]


def _info(
    row: Export,
    subset: str,
    subset_version: int,
    images: int,
    dataset: str,
    dataset_version: str,
    project: str | None,
) -> ExportInfo:
    return ExportInfo(
        id=row.id,
        subset=subset,
        subset_version=subset_version,
        dataset=dataset,
        dataset_version=dataset_version,
        images=images,
        project=project,
        host=row.host,
        destination=row.destination,
        mode=row.mode,
        source=row.source,
        files=row.files,
        size=row.size,
        missing=row.missing,
        checksum=row.checksum,
        state=row.state,
        by=row.by,
        at=row.at.isoformat(timespec="seconds"),
    )


def _project(session: Session, slug: str, by: str, at: datetime) -> Project:
    check_project(slug)
    row = session.exec(select(Project).where(Project.slug == slug)).first()
    if row is None:
        row = Project(slug=slug, at=at)
        session.add(row)
        events.record(session, by, "project.added", slug)
        session.flush()
    return row


def check_project(slug: str) -> None:
    """Raise `UsageError` when a project cannot have this name."""
    if not _SLUG.fullmatch(slug):
        raise UsageError(
            f"{slug[:80]!r} cannot name a project; use lower-case letters, digits, '.', '-' and '_'"
        )


def stands(destination: str, export_id: str) -> bool:
    """Tell whether an export's folder is at its destination."""
    manifest = payload_of(Path(destination)) / "provenance.json"
    try:
        return export_id in manifest.read_text("utf-8")
    except (OSError, UnicodeDecodeError):
        return False
