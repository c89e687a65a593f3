"""What an audit finds in a project, and what it says of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Severity(StrEnum):
    """How much a problem weighs, the heaviest first."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"

    @property
    def rank(self) -> int:
        """The place among the severities: 0 weighs most."""
        return list(Severity).index(self)


@dataclass(frozen=True, slots=True)
class Words:
    """Words in a text: `what` they are, in which file of the project, on which line (from 1).

    Of evidence `of` is the duty that they meet. Of a reference it is the dataset that they name,
    `duties` are what a use of it owes, and `uses` tells a use from a mere mention.
    """

    of: str
    path: str
    line: int
    words: str
    what: str
    duties: tuple[str, ...] = ()
    uses: bool = True


@dataclass(frozen=True, slots=True)
class FoundExport:
    """The folder of an export: what its manifest says, and what is not as it was written.

    `members` are the ordinals that metadata.csv names, as the text of a bitmap; None where the
    catalog has no such release.
    """

    folder: str
    id: str
    dataset: str
    subset: str
    digest: str
    checksum: str | None
    duties: tuple[str, ...]
    parts: tuple[str, ...]
    changed: tuple[str, ...]
    members: str | None
    ignored: bool = False


@dataclass(frozen=True, slots=True)
class FoundImages:
    """Images of a dataset in one folder or archive, outside of any export.

    `members` is the text of a bitmap; `how` is ``name`` or ``checksum``; `tracked` counts those
    that are in the index of the Git repository around them; `papers` tells of an archive whether
    the duties' papers are inside.
    """

    path: str
    dataset: str
    count: int
    members: str
    example: str
    how: str
    tracked: int = 0
    archive: bool = False
    papers: bool = False


@dataclass(frozen=True, slots=True)
class FoundTable:
    """A copy of a dataset's table; `duties` is what a use of it owes beside the dataset's own."""

    path: str
    dataset: str
    what: str
    duties: tuple[str, ...]
    tracked: bool = False


@dataclass(frozen=True, slots=True)
class Facts:
    """All that was found in a project. Paths are relative to it; nothing here is a judgement."""

    files: int
    size: int
    exports: tuple[FoundExport, ...] = ()
    images: tuple[FoundImages, ...] = ()
    tables: tuple[FoundTable, ...] = ()
    references: tuple[Words, ...] = ()
    evidence: tuple[Words, ...] = ()
    cff: tuple[tuple[str, str], ...] = ()
    unread: tuple[tuple[str, str], ...] = ()
    repository: bool = False

    @property
    def concerned(self) -> bool:
        """Whether the project has anything to do with a known dataset."""
        return bool(self.exports or self.images or self.tables or self.references)


@dataclass(frozen=True, slots=True)
class Problem:
    """What breaks a rule: where (a path in the project, a line from 1), what, and how to mend it.

    `key` tells it from the other problems of its rule, whatever its wording.
    """

    rule: str
    severity: Severity
    path: str
    line: int | None
    message: str
    mend: str
    key: str


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule: what it asks, why it matters, and how what breaks it is mended."""

    id: str
    severity: Severity
    title: str
    why: str
    mend: str


@dataclass(frozen=True, slots=True)
class ProjectReport:
    """A project: its folder, what was found, and its problems, the heaviest first.

    `known` are problems that a baseline knows.
    """

    name: str
    root: str
    facts: Facts
    problems: tuple[Problem, ...]
    known: tuple[Problem, ...] = ()
    duties: tuple[str, ...] = ()
    met: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AuditReport:
    """An audit: every project, and the rules that were asked."""

    projects: tuple[ProjectReport, ...]
    rules: tuple[Rule, ...]
    at: str
    by: str

    def count(self, severity: Severity) -> int:
        """Return how many new problems of a severity there are."""
        return sum(
            problem.severity is severity for each in self.projects for problem in each.problems
        )


@dataclass(frozen=True, slots=True)
class Wanted:
    """What is asked of an audit; `full` also reads images again and whole archives."""

    paths: tuple[str, ...]
    full: bool = False
    respect_gitignore: bool = False
    only: frozenset[str] = frozenset()
    baseline: str | None = None
    record: bool = True
