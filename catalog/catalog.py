"""`Catalog`: the thin door to everything that can be done with a catalog."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.tables import Export
from . import datasets, exports
from .progress import SILENT, Progress
from .using import Using

if TYPE_CHECKING:
    from ..schemas.manifest import Provenance
    from .audit import AuditReport
    from .audit import Wanted as WantedAudit
    from .audit.history import AuditInfo
    from .audit.survey import Survey
    from .export import Plan, Request
    from .exports import ExportInfo
    from .fetch import FetchReport
    from .grant import Granted
    from .health import Health
    from .identify.report import Identification
    from .identify.run import Wanted as Asked
    from .log import Chain, Entries, Filter, Head
    from .moving import Copied
    from .overview import Overview
    from .recipe import Rebuilt, Written
    from .register import Registered
    from .replicas import ReplicaInfo
    from .reproduce import Reproduction
    from .rights import Role
    from .scan import Scan, ScanReport
    from .verify import Verified
    from .view import ImageView, Saved, Wanted


class Catalog(Using):
    """An open catalog. Use it in a ``with`` statement, or call `close`.

    Every method raises `schemas.errors.CxrcatError` and nothing else; its text is one line that
    says what is wrong, where, and what to do. Here are exports and images; datasets, labels and
    subsets are in `questions.Questions`, projects and uses in `using.Using`, opening and closing in
    `opened.Opened`.
    """

    def export(self, request: Request, progress: Progress = SILENT) -> tuple[Provenance, Plan]:
        """Write a subset with everything that it owes, and record it."""
        from . import rights, to_openlineage
        from .export import export, settle_interrupted

        needed = rights.EXPORT if request.source is None else rights.EXPORT + rights.REPLICA
        rights.check(self._store, *needed)
        settle_interrupted(self._store, self.settings)
        manifest, plan = export(self._store, self.settings, request, progress)
        to_openlineage.tell_export(self.settings, manifest, str(plan.destination))
        return manifest, plan

    def export_to_bucket(
        self, request: Request, place: str, progress: Progress = SILENT
    ) -> Provenance:
        """Write a subset to ``gs://BUCKET/PREFIX`` with everything that it owes, and record it."""
        from . import rights, to_openlineage
        from .export.bucket import export_to_bucket

        needed = rights.EXPORT if request.source is None else rights.EXPORT + rights.REPLICA
        rights.check(self._store, *needed)
        manifest = export_to_bucket(self._store, self.settings, request, place, progress)
        to_openlineage.tell_export(self.settings, manifest, place)
        return manifest

    def exports(self) -> list[ExportInfo]:
        """Return every export, the newest first."""
        with self._store.reading() as session:
            return exports.listing(session)

    def verify(
        self,
        folder: Path,
        progress: Progress = SILENT,
        signer: Path | None = None,
        scheduler: str | None = None,
    ) -> Verified:
        """Read every file of an export again and compare, also with what the catalog recorded.

        `signer` is the file of the public key with which its signature is checked, `scheduler` the
        address of a Dask cluster whose workers shall read the files.
        """
        from .verify import verify

        key = None
        if signer is not None:
            from .keys import read_public

            key = read_public(signer)
        if scheduler is None:
            found = verify(folder, progress, key)
        else:
            from .cluster import connect

            with connect(scheduler) as cluster:
                found = verify(folder, progress, key, cluster)
        if found.manifest is None:
            return found
        with self._store.reading() as session:
            row = session.get(Export, found.manifest.export.id)
            recorded = None if row is None else row.checksum == found.checksum
        return replace(found, recorded=recorded)

    def fetch_archives(
        self,
        source: str,
        folder: Path,
        only: Sequence[str] = (),
        dataset: str | None = None,
        progress: Progress = SILENT,
    ) -> FetchReport:
        """Download a source's archives into a folder, each checked against its owner's MD5.

        `only` has the numbers or names of those that are wanted; without any, all are.
        """
        from .fetch import fetch

        return fetch(self.descriptor(dataset), source, folder, only, progress)

    def scan(self, wanted: Scan, progress: Progress = SILENT) -> ScanReport:
        """Record images that are already somewhere, and say what is missing or wrong there."""
        from . import rights
        from .scan import scan

        rights.check(self._store, *rights.REPLICA)
        return scan(self._store, self.settings.by, wanted, progress)

    def identify(self, wanted: Asked, progress: Progress = SILENT) -> Identification:
        """Say which dataset's images some files are, and which subsets and exports hold them."""
        from .identify.run import identify

        return identify(self._store, self.settings.host, wanted, progress)

    def replicas(self, image: str, dataset: str | None = None) -> list[ReplicaInfo]:
        """Return every place where an image's bytes were seen, by source and URI."""
        from . import replicas

        with self._store.reading() as session:
            return replicas.of_image(session, datasets.find(session, dataset), image)

    def view(self, image: str, dataset: str | None = None) -> ImageView:
        """Return all that is known of an image: row, labels, boxes, subsets, replicas, viewers."""
        from .view import view

        with self._store.reading() as session:
            return view(session, image, dataset)

    def save_picture(self, wanted: Wanted, progress: Progress = SILENT) -> Saved:
        """Draw an image with its boxes into a PNG file that holds the words its use owes."""
        from .view import save

        return save(self._store, wanted, progress)

    def recipe(self, what: str | Path, beside: str | None = None) -> Written:
        """Return the recipe of a subset, or of an export's folder given as a `Path`.

        `beside` is the name of the file that it will be: many names then stand in a file beside it.
        """
        from . import recipe

        if isinstance(what, Path):
            return recipe.of_export(self._store, what, beside)
        return recipe.of_subset(self._store, self.settings, what, beside)

    def follow_recipe(self, path: Path, name: str | None = None) -> Rebuilt:
        """Make a recipe's subset and its lineage here, if the answers are equal to its own."""
        from . import recipe, told

        read = told.of_recipe(path)
        with self._store.writing() as session:
            return recipe.make(session, read, name, self.settings.by)

    def reproduce(self, path: Path) -> Reproduction:
        """Ask all of an export, a manifest or a recipe again, and compare; record nothing."""
        from . import reproduce, told

        read = told.read(path)
        with self._store.reading() as session:
            return reproduce.reproduce(session, read)

    def register(self, folder: Path, progress: Progress = SILENT) -> Registered:
        """Verify an export of another catalog, and record it with its lineage; all or nothing."""
        from .register import register

        return register(self._store, folder, self.settings.by, progress)

    def manifest(self, name: str) -> Provenance:
        """Return the manifest that an export of a subset would have, to cite from."""
        from .export import draft

        return draft(self._store, self.settings, name)

    def plot(self, name: str, path: Path) -> None:
        """Draw a subset's profile as FILE.svg or FILE.png, with the attribution that it owes."""
        from . import plot

        plot.check(path)
        plot.write(path, self.manifest(name))

    def log(self, wanted: Filter) -> Entries:
        """Return entries of the log of events, the newest first."""
        from .log import entries

        with self._store.reading() as session:
            return entries(session, wanted)

    def check_log(self, earlier: Head | None = None) -> Chain:
        """Check the chain of the log, and that a head of earlier is still on it."""
        from .log import check

        with self._store.reading() as session:
            return check(session, earlier)

    @staticmethod
    def copy(origin: str, target: str, progress: Progress = SILENT) -> Copied:
        """Copy a whole catalog, by path or URL, to a place where nothing is; compare the two."""
        from .moving import copy

        return copy(origin, target, progress)

    def backup(self, path: Path, progress: Progress = SILENT) -> Copied:
        """Copy this catalog into a new SQLite file, of one moment, while others go on writing."""
        from .moving import backup

        return backup(self._store, path, progress)

    def grant(self, user: str, role: Role, apply: bool = False) -> Granted:
        """Return the SQL that gives a user of PostgreSQL a role in this catalog, or run it."""
        from .grant import grant

        return grant(self._store, user, role, apply)

    def audit(
        self, wanted: WantedAudit, progress: Progress = SILENT, survey: Survey | None = None
    ) -> AuditReport:
        """Look into project trees for data, references and attribution; record what was found.

        `survey` is one that was begun before, for the same. An audit of some rules alone is not
        recorded: beside the others, all problems of other rules would be mended.
        """
        from . import rights
        from .audit import baseline, history
        from .audit.run import audit
        from .audit.survey import Survey

        known = None if wanted.baseline is None else baseline.read(Path(wanted.baseline))
        record = wanted.record and not wanted.only
        if record:
            rights.check(self._store, *rights.AUDIT)
        with survey or Survey(wanted) as begun, self._store.reading() as session:
            report = audit(session, self.settings.by, wanted, begun, progress)
        if record:
            with self._store.writing() as session:
                history.record(session, report, self.settings.host)
        return report if known is None else baseline.apply(report, known)

    def fix(self, report: AuditReport) -> list[Path]:
        """Write the papers that audited projects lack; return the files that were written."""
        from .audit.fix import fix
        from .audit.known import Known

        with self._store.reading() as session:
            known = Known(session)
            return [path for each in report.projects for path in fix(known, each)]

    def overview(self) -> Overview:
        """Return all of the catalog that a steward's report shows."""
        from .overview import overview

        with self._store.reading() as session:
            return overview(session, self.name, self.settings.by)

    def audits(self, project: str | None = None) -> list[AuditInfo]:
        """Return the recorded audits, the newest first, each beside the one before it."""
        from .audit import history

        with self._store.reading() as session:
            return history.listing(session, project)

    def health(self) -> Health:
        """Look at the whole catalog and say what is in it, what is missing and what is damaged."""
        from .health import check

        return check(self._store, self.settings.host, self.waiting_uses())
