"""Audit projects: find them, gather their facts or take those of the last time, ask the rules."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import cache as once
from importlib.metadata import version
from typing import TYPE_CHECKING

from sqlmodel import Session

from ...schemas.errors import UsageError
from ..progress import SILENT, Progress
from ..suggest import unknown
from . import derived, kept
from .known import Known
from .model import AuditReport, Facts, ProjectReport, Wanted
from .owing import owed_by
from .parallel import each_of
from .rules import Project, ask, rules
from .survey import Seen, Survey, see
from .texts import reads_pdf

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
    state = f"{version('cxrcat')} {known.state} {reads_pdf()}"
    facts = kept.facts_of(survey.kept, state)
    stamps: dict[str, str] = {}
    every: list[Seen] = []
    for seen in survey.seen(progress):
        every.append(seen)
        if seen.tree is None and seen.key in facts:
            stamps[seen.key] = seen.stamp
        else:
            reader()  # while the others are looked at
    changed = [seen for seen in every if seen.key not in stamps]
    reports = []
    # Started before the bar, whose thread would be copied in the middle of something.
    with (
        each_of(
            lambda seen: _gathered(known, reader(), seen, wanted), changed, known.reopen
        ) as new,
        progress.task("auditing", len(every), "files") as advance,
        _keeping(wanted, state, stamps, facts, bool(changed)),
    ):
        for seen in every:
            if seen.key not in stamps:
                stamps[seen.key], facts[seen.key] = next(new)
            reports.append(_judged(known, seen, wanted, facts[seen.key]))
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


def _judged(known: Known, seen: Seen, wanted: Wanted, facts: Facts) -> ProjectReport:
    place = seen.root.path.absolute()
    owed = owed_by(known, facts)
    met = {each.of for each in facts.evidence}
    project = Project(str(place), facts, known, owed, frozenset(met))
    problems = [
        each
        for each in ask(project, seen.config.severities)
        if (not wanted.only or each.rule in wanted.only) and not seen.config.excludes(each.path)
    ]
    return ProjectReport(
        name=place.name,
        root=str(seen.root.path),
        facts=facts,
        problems=tuple(problems),
        duties=tuple(each.duty.id for each in owed),
        met=tuple(sorted({each.duty.id for each in owed} & met)),
    )
