"""The record of audits: what each found, and what was mended or came new since the one before."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from sqlmodel import Session, col, select

from ...schemas.tables import Audit
from .. import events
from .baseline import fingerprint
from .model import AuditReport, ProjectReport, Severity


@dataclass(frozen=True, slots=True)
class Recorded:
    """A problem as an audit recorded it."""

    rule: str
    severity: str
    path: str
    message: str


@dataclass(frozen=True, slots=True)
class AuditInfo:
    """A recorded audit of a project, beside the one before it of the same folder.

    `new` are those of `problems` that the one before had not, `mended` those that are gone; an
    audit without one before it has neither.
    """

    run: str
    project: str
    root: str
    host: str
    duties: int
    met: int
    errors: int
    warnings: int
    notes: int
    problems: tuple[Recorded, ...]
    new: tuple[Recorded, ...]
    mended: tuple[Recorded, ...]
    by: str
    at: str


def record(session: Session, report: AuditReport, host: str) -> str:
    """Record an audit of every project that it concerns; return the key of the run."""
    run = str(uuid.uuid4())
    at = datetime.now(UTC)
    concerned = [each for each in report.projects if each.facts.concerned or each.problems]
    session.add_all(_row(run, each, host, report.by, at) for each in concerned)
    events.record(
        session,
        report.by,
        "audit.recorded",
        run,
        projects=len(concerned),
        **{severity.value: report.count(severity) for severity in Severity},
    )
    return run


def _row(run: str, each: ProjectReport, host: str, by: str, at: datetime) -> Audit:
    counts = {
        severity: sum(problem.severity is severity for problem in each.problems)
        for severity in Severity
    }
    problems = [
        {
            "fingerprint": fingerprint(each.name, problem),
            "rule": problem.rule,
            "severity": problem.severity.value,
            "path": _writable(problem.path),
            "message": _writable(problem.message),
        }
        for problem in each.problems
    ]
    return Audit(
        run=run,
        project=_writable(each.name),
        root=_writable(str(Path(each.root).absolute())),
        host=host,
        duties=len(each.duties),
        met=len(each.met),
        errors=counts[Severity.ERROR],
        warnings=counts[Severity.WARNING],
        notes=counts[Severity.NOTE],
        problems=problems,
        by=by,
        at=at,
    )


def listing(session: Session, project: str | None = None) -> list[AuditInfo]:
    """Return the recorded audits, the newest first; `project` keeps those of one name.

    The order is that in which they were recorded: clocks are set back, and differ between hosts.
    """
    query = select(Audit).order_by(col(Audit.id))
    if project is not None:
        query = query.where(Audit.project == project)
    before: dict[tuple[str, str], Audit] = {}
    found = []
    for row in session.exec(query):
        found.append(_info(row, before.get((row.host, row.root))))
        before[row.host, row.root] = row
    return found[::-1]


def _info(row: Audit, before: Audit | None) -> AuditInfo:
    now = {each["fingerprint"]: each for each in row.problems}
    then = now if before is None else {each["fingerprint"]: each for each in before.problems}
    return AuditInfo(
        run=row.run,
        project=row.project,
        root=row.root,
        host=row.host,
        duties=row.duties,
        met=row.met,
        errors=row.errors,
        warnings=row.warnings,
        notes=row.notes,
        problems=_recorded(row.problems),
        new=_recorded([each for key, each in now.items() if key not in then]),
        mended=_recorded([each for key, each in then.items() if key not in now]),
        by=row.by,
        at=row.at.isoformat(timespec="seconds"),
    )


def _recorded(problems: Sequence[dict[str, str]]) -> tuple[Recorded, ...]:
    return tuple(
        Recorded(each["rule"], each["severity"], each["path"], each["message"]) for each in problems
    )


def _writable(text: str) -> str:
    """Return a text that every database takes: names of files may hold bytes that are no text."""
    return text.encode("utf-8", "replace").decode().replace("\0", "\N{REPLACEMENT CHARACTER}")
