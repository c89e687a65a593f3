"""Audit projects: find them, gather their facts or take those of the last time, ask the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache as once
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

from sqlmodel import Session

from ...schemas.errors import UsageError
from ..progress import SILENT, Progress
from ..suggest import unknown
from . import derived, kept
from .config import read_config
from .known import Known
from .model import AuditReport, Facts, ProjectReport, Wanted
from .owing import owed_by
from .parallel import each_of
from .rules import Project, ask, rules
from .survey import Seen, Survey, see

if TYPE_CHECKING:
    from .evidence import Reader


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
    state = f"{version('cxrcat')} {known.state}"
    facts = kept.facts_of(survey.kept, state)
    stamps: dict[str, str] = {}
    changed: list[Seen] = []
    for seen in survey.seen(progress):
        key = kept.key_of(seen.root.path)
        if seen.tree is not None or key not in facts:
            reader()  # while the others are looked at
            changed.append(seen)
        else:
            stamps[key] = seen.stamp
    reports = []
    # Started before the bar, whose thread would be copied in the middle of something.
    with (
        each_of(
            lambda seen: _gathered(known, reader(), seen, wanted), changed, known.reopen
        ) as new,
        progress.task("auditing", len(survey.roots), "files") as advance,
        _keeping(wanted, state, stamps, facts, bool(changed)),
    ):
        for root in survey.roots:
            key = kept.key_of(root.path)
            if key not in stamps:
                stamps[key], facts[key] = next(new)
            reports.append(_judged(known, root.path, wanted, facts[key]))
            advance(1)
    return AuditReport(tuple(reports), rules(), datetime.now(UTC).isoformat(timespec="seconds"), by)


@contextmanager
def _keeping(
    wanted: Wanted, state: str, stamps: dict[str, str], facts: dict[str, Facts], new: bool
) -> Iterator[None]:
    """Keep what was found at the end, also of an audit that was interrupted."""
    try:
        yield
    finally:
        if new:
            kept.write(wanted.paths, state, stamps, {key: facts[key] for key in stamps})


def _reader(known: Known) -> Reader:
    # Not needed where nothing changed: numpy and many patterns.
    from .evidence import Reader

    return Reader([each.descriptor for each in known.defaults], derived.built_in())


def _gathered(known: Known, reader: Reader, seen: Seen, wanted: Wanted) -> tuple[str, Facts]:
    from .gather import gather

    if seen.tree is None:  # unchanged, but what is kept of it is of another state
        seen = see(seen.root, wanted)
    assert seen.tree is not None  # noqa: S101 - for the type checker
    return seen.stamp, gather(known, reader, seen.root.path, seen.tree, wanted.full)


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
