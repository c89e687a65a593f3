"""Audit projects: find them, gather their facts or take those of the last time, ask the rules."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import TypeAdapter, ValidationError
from sqlmodel import Session

from ...schemas.errors import UsageError
from ..progress import SILENT, Progress
from ..suggest import unknown
from . import derived
from .config import read_config
from .known import Known
from .model import AuditReport, Facts, ProjectReport, Wanted
from .owing import owed_by
from .parallel import each_of
from .rules import Project, ask, rules
from .survey import Survey, keep, look, stamp_of
from .walk import Root

if TYPE_CHECKING:
    from .evidence import Reader

_FACTS = TypeAdapter(Facts)


def audit(
    session: Session, by: str, wanted: Wanted, survey: Survey, progress: Progress = SILENT
) -> AuditReport:
    """Return what is found at the paths, project by project.

    Raises `UsageError` for an unknown rule, and `InputError` for what a project says wrongly.
    """
    known_rules = {rule.id for rule in rules()}
    for name in wanted.only:
        if name not in known_rules:
            raise UsageError(unknown("rule", name, sorted(known_rules)))
    known = Known(session)
    reader = once(lambda: _reader(known))
    kept = [_read(known, entry) for entry in survey.kept(progress)]
    changed = [root for root, facts in zip(survey.roots, kept, strict=True) if facts is None]
    reports = []
    # Started before the bar, whose thread would be copied in the middle of something.
    with (
        each_of(lambda root: _gathered(known, reader, root, wanted), changed, known.reopen) as new,
        progress.task("auditing", len(kept), "files") as advance,
    ):
        for root, facts in zip(survey.roots, kept, strict=True):
            reports.append(_judged(known, root.path, wanted, facts or next(new)))
            advance(1)
    return AuditReport(tuple(reports), rules(), datetime.now(UTC).isoformat(timespec="seconds"), by)


def _reader(known: Known) -> Reader:
    from .evidence import Reader

    return Reader([each.descriptor for each in known.defaults], derived.built_in())


def _read(known: Known, entry: bytes | None) -> Facts | None:
    state = _state(known)
    if entry is None or not entry.startswith(state):
        return None
    try:
        return _FACTS.validate_json(entry[len(state) :])
    except ValidationError:
        return None


def _state(known: Known) -> bytes:
    """Return what else an entry depends on; it begins with that."""
    return f"{_version()} {known.state}\n".encode()


@once
def _version() -> str:
    return version("cxrcat")


def _gathered(known: Known, reader: Callable[[], Reader], root: Root, wanted: Wanted) -> Facts:
    # Not needed where nothing changed: numpy and many patterns.
    from .gather import gather

    tree = look(root, wanted, read_config(root.path))
    stamp = stamp_of(root, wanted, tree)
    facts = gather(known, reader(), root.path, tree, wanted.full)
    keep(root, stamp, _state(known) + _FACTS.dump_json(facts))
    return facts


def _judged(known: Known, root: Path, wanted: Wanted, facts: Facts) -> ProjectReport:
    config = read_config(root)
    owed = owed_by(known, facts)
    met = {each.of for each in facts.evidence}
    project = Project(str(root.absolute()), facts, known, owed, frozenset(met))
    problems = [
        each
        for each in ask(project, config.severities)
        if (not wanted.only or each.rule in wanted.only) and not config.excludes(each.path)
    ]
    return ProjectReport(
        name=root.absolute().name,
        root=str(root),
        facts=facts,
        problems=tuple(problems),
        duties=tuple(each.duty.id for each in owed),
        met=tuple(sorted({each.duty.id for each in owed} & met)),
    )
