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
from .. import cache
from ..progress import SILENT, Progress
from ..suggest import unknown
from . import derived, repository
from .config import Config, read_config
from .known import Known
from .model import AuditReport, Facts, ProjectReport, Wanted
from .owing import owed_by
from .parallel import each_of
from .rules import Project, ask, rules
from .walk import Root, projects, walk

if TYPE_CHECKING:
    from .evidence import Reader

_FACTS = TypeAdapter(Facts)
_FORMAT = "facts-1"


def audit(session: Session, by: str, wanted: Wanted, progress: Progress = SILENT) -> AuditReport:
    """Return what is found at the paths, project by project.

    Raises `InputError` for a path that is no folder, and `UsageError` for an unknown rule.
    """
    known_rules = {rule.id for rule in rules()}
    for name in wanted.only:
        if name not in known_rules:
            raise UsageError(unknown("rule", name, sorted(known_rules)))
    roots = list(dict.fromkeys(each for path in wanted.paths for each in projects(Path(path))))
    known = Known(session)
    reader = once(lambda: _reader(known))
    reports = []
    # Started before the bar, whose thread would be copied in the middle of something.
    with (
        each_of(lambda root: _found(known, reader, root, wanted), roots, known.reopen) as found,
        progress.task("auditing", len(roots), "files") as advance,
    ):
        for root, (config, facts) in zip(roots, found, strict=True):
            reports.append(_judged(known, root.path, wanted, config, facts))
            advance(1)
    return AuditReport(tuple(reports), rules(), datetime.now(UTC).isoformat(timespec="seconds"), by)


def _reader(known: Known) -> Reader:
    from .evidence import Reader

    return Reader([each.descriptor for each in known.defaults], derived.built_in())


def _found(
    known: Known, reader: Callable[[], Reader], root: Root, wanted: Wanted
) -> tuple[Config, Facts]:
    config = read_config(root.path)
    return config, _facts(known, reader, root, wanted, config)


def _judged(
    known: Known, root: Path, wanted: Wanted, config: Config, facts: Facts
) -> ProjectReport:
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


@once
def _version() -> str:
    return version("cxrcat")


def _facts(
    known: Known, reader: Callable[[], Reader], place: Root, wanted: Wanted, config: Config
) -> Facts:
    root = place.path
    ignore = repository.ignored(root) if wanted.respect_gitignore else None

    def leave_out(path: str) -> bool:
        return (
            path in place.without or config.excludes(path) or (ignore is not None and ignore(path))
        )

    tree = walk(root, leave_out if place.without or ignore or config.exclude else None)
    index = repository.index_stamp(root)
    name = f"audit-{cache.key_of(str(root.absolute()))}"
    key = f"{_FORMAT} {_version()} {known.state} {tree.fingerprint} {index} {wanted.full}\n"
    stored = cache.read(name)
    if stored is not None and stored.startswith(key.encode()):
        try:
            return _FACTS.validate_json(stored[len(key) :])
        except ValidationError:
            pass
    # Not needed where nothing changed: numpy and many patterns.
    from .gather import gather

    facts = gather(known, reader(), root, tree, wanted.full)
    cache.write(name, key.encode() + _FACTS.dump_json(facts))
    return facts
