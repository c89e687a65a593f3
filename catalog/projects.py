"""Projects: the pieces of work that use slices."""

from __future__ import annotations

import os
from dataclasses import dataclass, fields
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from sqlmodel import Session, col, func, select

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import Export, Project, Use
from . import events, exports, subsets
from .suggest import unknown

_LONGEST = 300  # characters of a title or a contact


@dataclass(frozen=True, slots=True)
class ProjectFacts:
    """What may be said of a project; its folder must be there. None says nothing."""

    title: str | None = None
    path: Path | None = None
    contact: str | None = None
    note: str | None = None


@dataclass(frozen=True, slots=True)
class ProjectInfo:
    """A project as recorded: where its folder is, and how many exports and uses are its."""

    slug: str
    title: str | None
    path: str | None
    host: str | None
    contact: str | None
    note: str | None
    exports: int
    uses: int
    at: str


@dataclass(frozen=True, slots=True)
class Told:
    """A project, and what telling of it did: ``added``, ``changed`` or ``already``."""

    project: ProjectInfo
    how: str


def add(session: Session, slug: str, facts: ProjectFacts, by: str, host: str) -> Told:
    """Record a project, or more of one that is there; what is not said stays as it was.

    Raises `UsageError` for a name or a fact that cannot be recorded.
    """
    exports.check_project(slug)
    said = _checked(facts, host)
    row = session.exec(select(Project).where(Project.slug == slug)).first()
    changed = {
        name: value for name, value in said.items() if row is None or getattr(row, name) != value
    }
    how = "already"
    if row is None:
        how = "added"
        session.add(Project.model_validate({"slug": slug, "at": datetime.now(UTC), **said}))
        events.record(session, by, "project.added", slug, **changed)
    elif changed:
        how = "changed"
        row.sqlmodel_update(changed)
        session.add(row)
        events.record(session, by, "project.changed", slug, **changed)
    session.flush()
    return Told(info(session, slug), how)


def _checked(facts: ProjectFacts, host: str) -> dict[str, str]:
    said = {
        each.name: str(value)
        for each in fields(facts)
        if (value := getattr(facts, each.name)) is not None and each.name != "path"
    }
    for name in ("title", "contact"):
        if name in said:
            check_line(name, said[name], _LONGEST)
    subsets.check_note(said.get("note", ""))
    if facts.path is not None:
        if not facts.path.is_dir():
            raise UsageError(f"{facts.path}: there is no such folder; name the project's folder")
        said["path"] = os.path.abspath(facts.path)  # noqa: PTH100 - a link stays a link
        check_line("path", said["path"], 4096)
        said["host"] = host
    return said


def check_line(what: str, text: str, longest: int) -> None:
    """Raise `UsageError` unless a text is one line that can be printed."""
    if not text.strip() or len(text) > longest or not text.isprintable():
        raise UsageError(f"the {what} is one line of at most {longest} characters that print")


def get(session: Session, slug: str) -> Project:
    """Return a project; raise `NotFoundError` that names the nearest."""
    row = session.exec(select(Project).where(Project.slug == slug)).first()
    if row is None:
        known = session.exec(select(Project.slug)).all()
        said = unknown("project", slug, known)
        raise NotFoundError(f"{said.rstrip('?')}; a new one begins with: cxrcat project add SLUG")
    return row


def listing(session: Session) -> list[ProjectInfo]:
    """Return every project, by slug."""
    return [_info(*row) for row in session.execute(_counted().order_by(col(Project.slug)))]


def info(session: Session, slug: str) -> ProjectInfo:
    """Return a project that is there."""
    return _info(*session.execute(_counted().where(col(Project.slug) == slug)).one())


def _counted() -> sa.Select[tuple[Project, int, int]]:
    made = select(func.count()).where(Export.project_id == Project.id).scalar_subquery()
    used = select(func.count()).where(Use.project_id == Project.id).scalar_subquery()
    return sa.select(Project, made, used)


def _info(row: Project, made: int, used: int) -> ProjectInfo:
    return ProjectInfo(
        slug=row.slug,
        title=row.title,
        path=row.path,
        host=row.host,
        contact=row.contact,
        note=row.note,
        exports=made,
        uses=used,
        at=row.at.isoformat(timespec="seconds"),
    )
