"""`Using`: the door to projects, and to what became of slices."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from .questions import Questions

if TYPE_CHECKING:
    from .intake import Waiting
    from .projects import ProjectFacts, ProjectInfo, Told
    from .reports import ProjectReport
    from .uses import NewUse, Recorded, UseInfo


class Using(Questions):
    """What can be asked and recorded of projects and uses. See `catalog.Catalog`."""

    def add_project(self, slug: str, facts: ProjectFacts | None = None) -> Told:
        """Record a project, or more of one that is there; what is not said stays as it was."""
        from . import projects

        said = facts or projects.ProjectFacts()
        with self._store.writing() as session:
            return projects.add(session, slug, said, self.settings.by, self.settings.host)

    def projects(self) -> list[ProjectInfo]:
        """Return every project, by slug."""
        from . import projects

        with self._store.reading() as session:
            return projects.listing(session)

    def project(self, slug: str) -> ProjectReport:
        """Return a project with its exports, its uses, and all that its slices owe."""
        from . import reports

        with self._store.reading() as session:
            return reports.show(session, slug)

    def record_use(self, use: NewUse) -> Recorded:
        """Record what became of a slice, and return it with what it owes.

        The artefacts are read for their checksums. Stating the same again changes nothing.
        """
        from . import artifacts, dois, slices, to_openlineage, uses

        uses.check(use)
        facts = uses.Facts(
            project=use.project,
            kind=use.kind,
            export=None if use.export is None else slices.export_id(use.export),
            subset=use.subset,
            artifacts=artifacts.read(use.artifacts),
            dois=tuple(dict.fromkeys(map(dois.normalise, use.dois))),
            contact=use.contact,
            note=use.note,
            by=self.settings.by,
            host=self.settings.host,
            at=datetime.now(UTC).replace(microsecond=0),
        )
        with self._store.writing() as session:
            row, found, how = uses.record(session, facts)
            recorded = uses.recorded(session, row, found, how)
            cut = slices.SliceFacts.of(found)
        if how == "recorded":
            to_openlineage.tell_use(self.settings, cut, facts, recorded.use.id)
        return recorded

    def uses(
        self, project: str | None = None, subset: str | None = None, kind: str | None = None
    ) -> list[UseInfo]:
        """Return the uses of a project, of a subset or its version, of a kind; the newest first."""
        from . import uses

        with self._store.reading() as session:
            return uses.listing(session, project, subset, kind)

    def use(self, key: str) -> Recorded:
        """Return a use by its id, or the beginning of it, with what it owes."""
        from . import uses

        with self._store.reading() as session:
            return uses.show(session, key)

    def waiting_uses(self) -> list[Waiting]:
        """Return the uses that wait in the spool, and why each does."""
        from . import spool

        if not spool.folder().exists():
            return []
        from .intake import waiting

        with self._store.reading() as session:
            return waiting(session, self.settings.location)
