"""`Catalog`: the thin door to everything that can be done with a catalog."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..schemas.errors import CatalogError
from ..schemas.tables import Dataset, Export
from . import datasets, exports, images, store, subsets
from .bitmaps import load, ordinals
from .index import DatasetIndex
from .progress import SILENT, Progress
from .settings import Settings

if TYPE_CHECKING:
    from array import array
    from types import TracebackType

    from ..schemas.descriptor import Descriptor
    from ..schemas.manifest import Profile, Provenance
    from .bigquery import Grant
    from .bigquery.instances import Identified
    from .compare import Diff
    from .datasets import DatasetInfo
    from .derive import Derivation
    from .export import Plan, Request
    from .exports import ExportInfo
    from .fetch import FetchReport
    from .graph import Graph
    from .health import Health
    from .history import VersionInfo
    from .images import ImageRow
    from .impact import Impact, Target
    from .labels import Added, LabelSetInfo
    from .overlap import Overlap
    from .releases import Arrival, ReleaseInfo
    from .replicas import ReplicaInfo
    from .scan import Scan, ScanReport
    from .split import SplitReport, Splitting
    from .subsets import SubsetInfo
    from .verify import Verified
    from .view import ImageView, Saved, Wanted
    from .withdrawals import Withdraw, WithdrawReport


class Catalog:
    """An open catalog. Use it in a ``with`` statement, or call `close`.

    Every method raises `schemas.errors.CxrcatError` and nothing else; its text is one line that
    says what is wrong, where, and what to do.
    """

    def __init__(self, settings: Settings, opened: store.Store) -> None:
        self.settings = settings
        self._store = opened

    @classmethod
    def open(cls, location: str | Path | None = None, progress: Progress = SILENT) -> Self:
        """Open a catalog, and make it with the built-in datasets when it is not there yet.

        `location` is a path or a database URL; None means ``CXRCAT_CATALOG`` or, without that, a
        file in the user's data folder. Raises `CatalogError` when it cannot be opened.
        """
        settings = Settings.read(None if location is None else str(location))
        opened = store.Store(settings.location)
        catalog = cls(settings, opened)
        try:
            with opened.reading() as session:
                current = store.is_current(session)
            if not current:
                catalog._create(progress)
            else:
                catalog._refresh()
        except BaseException:
            opened.close()
            raise
        return catalog

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the database."""
        self._store.close()

    @property
    def name(self) -> str:
        """Where the catalog is: its file, or its URL without the password."""
        return self._store.name

    def datasets(self) -> list[DatasetInfo]:
        """Return every release of every dataset."""
        with self._store.reading() as session:
            return datasets.listing(session)

    def descriptor(self, dataset: str | None = None) -> Descriptor:
        """Return what is known of a dataset: its terms, duties, citations and sources."""
        with self._store.reading() as session:
            return datasets.full_descriptor(session, datasets.find(session, dataset))

    def findings(self, dataset: str | None = None) -> list[tuple[str, str, str, int]]:
        """Return (label set, finding, state, images) for all that is said of a dataset."""
        with self._store.reading() as session:
            return datasets.finding_counts(session, datasets.find(session, dataset))

    def releases(self, dataset: str | None = None) -> list[ReleaseInfo]:
        """Return every release of one dataset or of all, also those that are not here."""
        from . import releases

        with self._store.reading() as session:
            return releases.known(session, dataset)

    def add_dataset(self, path: Path, progress: Progress = SILENT) -> list[DatasetInfo]:
        """Bring in the releases that ship with a descriptor; return those of the dataset.

        Those that are here already, from the same tables, stay as they are.
        """
        from . import releases

        with self._store.writing() as session:
            slug = releases.add(session, path, self.settings.by, progress)
        return [each for each in self.datasets() if each.slug == slug]

    def ingest_release(
        self,
        dataset: str,
        table: Path,
        name: str | None = None,
        reason: str | None = None,
        progress: Progress = SILENT,
    ) -> Arrival:
        """Bring a table in as the release ``DATASET@VERSION``, or whichever of ``DATASET`` it is.

        `name` brings a corrected table in as a release of its own. The same table again changes
        nothing.
        """
        from . import releases

        with self._store.reading() as session:
            read = releases.read_release(session, dataset, table, name, progress)
        with self._store.writing() as session:
            return releases.bring_in(session, dataset, read, reason, self.settings.by, progress)

    def identify_instances(
        self, dataset: str, source: str, grant: Grant, progress: Progress = SILENT
    ) -> Identified:
        """Learn from a BigQuery table of DICOM metadata which instance each image is.

        `source` names the table in the descriptor. What cannot be told for certain is counted and
        left out.
        """
        from .bigquery import instances

        with self._store.reading() as session:
            descriptor = datasets.descriptor_of(datasets.find(session, dataset))
        found = instances.read(descriptor, source, grant, progress)
        with self._store.writing() as session:
            row = datasets.find(session, dataset)
            return instances.record(session, row, descriptor, found, self.settings.by)

    def labels(self, dataset: str | None = None) -> list[LabelSetInfo]:
        """Return every label set and split of a dataset, also those that can still be added."""
        from . import labels

        with self._store.reading() as session:
            return labels.listing(session, datasets.find(session, dataset))

    def label_set(self, slug: str, dataset: str | None = None) -> LabelSetInfo:
        """Return a label set or the split: who says what of how many images, on which terms."""
        from . import labels

        with self._store.reading() as session:
            return labels.show(session, datasets.find(session, dataset), slug)

    def add_labels(self, what: str, paths: Sequence[Path], dataset: str | None = None) -> Added:
        """Add the split, a label set by its slug, or one that a mapping's YAML file describes.

        The files state the whole set. The same files again change nothing; others take the place of
        the earlier ones, which are kept.
        """
        from . import labels

        with self._store.writing() as session:
            return labels.add(session, what, paths, dataset, self.settings.by)

    def subsets(self, dataset: str | None = None) -> list[SubsetInfo]:
        """Return the latest version of every subset of a dataset, by name."""
        with self._store.reading() as session:
            return subsets.listing(session, datasets.find(session, dataset))

    def subset(self, name: str) -> SubsetInfo:
        """Return a subset by ``name``, ``name@version`` or ``dataset/name``."""
        with self._store.reading() as session:
            row = subsets.get(session, name)
            return subsets.describe(row, session.get_one(Dataset, row.dataset_id))

    def create_subset(
        self,
        name: str,
        where: str | None = None,
        note: str | None = None,
        dataset: str | None = None,
        derivation: Derivation | None = None,
    ) -> SubsetInfo:
        """Answer a question in the where-language and record it under a name.

        `derivation` says more of how it is made than `where` alone can: from other subsets, a list,
        one image a patient, a sample. The same question with the same answer is recorded once;
        another one is a new version.
        """
        from .derive import Derivation

        (made,) = self.create_subsets([(name, derivation or Derivation(where))], note, dataset)
        return made

    def create_subset_in_bigquery(
        self,
        name: str,
        where: str,
        grant: Grant,
        note: str | None = None,
        dataset: str | None = None,
        progress: Progress = SILENT,
    ) -> SubsetInfo:
        """Have a question answered by a table in BigQuery, and record the answer under a name.

        The bill is shown to `grant.agree` first. See `create_subset`.
        """
        from .bigquery import answer
        from .create import Creator

        subsets.check_name(name)
        subsets.check_note(note or "")
        with self._store.reading() as session:
            question = answer.read(session, datasets.find(session, dataset), where, grant)
        answered = answer.ask(question, grant, progress)
        with self._store.reading() as session:
            owner = datasets.find(session, dataset)
            made = answer.settle(session, owner, answered, name, note, grant)
        with self._store.writing() as session:
            owner = datasets.find(session, dataset)
            creator = Creator(session, owner, self.settings.by)
            return subsets.describe(creator.create(made), owner)

    def create_subsets(
        self,
        wanted: Sequence[tuple[str, Derivation]],
        note: str | None = None,
        dataset: str | None = None,
    ) -> list[SubsetInfo]:
        """Make many subsets of one dataset, all or none of them; see `create_subset`."""
        from .create import Creator
        from .derive import ask_of, of_one_dataset

        owner_name, own = of_one_dataset([each for _, each in wanted], dataset)
        with self._store.writing() as session:
            owner = datasets.find(session, owner_name)
            creator = Creator(session, owner, self.settings.by)
            made = []
            for (name, _), each in zip(wanted, own, strict=True):
                row = creator.create(ask_of(session, owner, name, each, note))
                made.append(subsets.describe(row, owner))
            return made

    def members(self, where: str, dataset: str | None = None) -> array[int]:
        """Answer a question without recording it: the ordinals of the images, ascending, uint32."""
        from .query import evaluate, normalise, parse

        with self._store.reading() as session:
            owner = datasets.find(session, dataset)
            tree = normalise(parse(where, subsets.vocabulary_of(session, owner)))
            index = DatasetIndex(session, owner)
            return ordinals(evaluate(tree, index) - index.withdrawn())

    def split_subset(self, name: str, wanted: Splitting) -> SplitReport:
        """Divide a subset into parts, ``NAME-PART`` each; say how close the shares came."""
        from .split import split

        with self._store.writing() as session:
            return split(session, name, wanted, self.settings.by)

    def withdraw(self, wanted: Withdraw) -> list[WithdrawReport]:
        """Record that images must no longer be used, and ask the questions that held them again."""
        from .withdrawals import withdraw

        with self._store.writing() as session:
            return withdraw(session, wanted, self.settings.by)

    def impact(self, target: Target) -> Impact:
        """Return every subset, export, project and use that images or a label set touch."""
        from .impact import impact

        with self._store.reading() as session:
            return impact(session, target)

    def lineage(self, name: str) -> Graph:
        """Return what a subset is made from, and what was made from it."""
        from .graph import graph

        with self._store.reading() as session:
            return graph(session, name)

    def subset_log(self, name: str) -> list[VersionInfo]:
        """Return the versions of a subset, the first one first, with what each gained and lost."""
        from .history import log

        with self._store.reading() as session:
            return log(session, name)

    def diff_subsets(self, a: str, b: str) -> Diff:
        """Compare two subsets of one dataset, also of two of its releases."""
        from .compare import diff

        with self._store.reading() as session:
            return diff(session, a, b)

    def diff_names(self, a: str, b: str) -> Iterator[tuple[str, str]]:
        """Yield the images that one of two subsets alone has: ``-`` for `a` and ``+`` for `b`."""
        from .compare import changed_names

        with self._store.reading() as session:
            yield from changed_names(session, a, b)

    def overlap(self, names: Sequence[str]) -> Overlap:
        """Return the images and patients that each pair of subsets shares."""
        from .overlap import overlap

        with self._store.reading() as session:
            return overlap(session, names)

    def images(self, name: str) -> Iterator[ImageRow]:
        """Yield the images of a subset as typed rows, in the order of their names."""
        with self._store.reading() as session:
            row = subsets.get(session, name)
            dataset = session.get_one(Dataset, row.dataset_id)
            labels = datasets.descriptor_of(dataset).version_of(dataset.version).table.labels
            index = DatasetIndex(session, dataset)
            yield from images.iterate(session, dataset, index, load(row.members), labels)

    def profile(self, name: str) -> Profile:
        """Return what a subset consists of: findings, ages and sexes, views, patients."""
        from .profile import profile

        with self._store.reading() as session:
            row = subsets.get(session, name)
            dataset = session.get_one(Dataset, row.dataset_id)
            return profile(session, dataset, load(row.members))

    def plot(self, name: str, path: Path) -> None:
        """Draw a subset's profile as FILE.svg or FILE.png, with the attribution that it owes."""
        from . import plot

        plot.check(path)
        plot.write(path, self.manifest(name))

    def export(self, request: Request, progress: Progress = SILENT) -> tuple[Provenance, Plan]:
        """Write a subset with everything that it owes, and record it."""
        from .export import export, settle_interrupted

        settle_interrupted(self._store, self.settings)
        return export(self._store, self.settings, request, progress)

    def export_to_bucket(
        self, request: Request, place: str, progress: Progress = SILENT
    ) -> Provenance:
        """Write a subset to ``gs://BUCKET/PREFIX`` with everything that it owes, and record it."""
        from .export.bucket import export_to_bucket

        return export_to_bucket(self._store, self.settings, request, place, progress)

    def exports(self) -> list[ExportInfo]:
        """Return every export, the newest first."""
        with self._store.reading() as session:
            return exports.listing(session)

    def verify(self, folder: Path, progress: Progress = SILENT) -> Verified:
        """Read every file of an export again and compare, also with what the catalog recorded."""
        from .verify import verify

        found = verify(folder, progress)
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
        from .scan import scan

        return scan(self._store, self.settings.by, wanted, progress)

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

    def manifest(self, name: str) -> Provenance:
        """Return the manifest that an export of a subset would have, to cite from."""
        from .export import draft

        return draft(self._store, self.settings, name)

    def health(self) -> Health:
        """Look at the whole catalog and say what is in it, what is missing and what is damaged."""
        from .health import check

        return check(self._store, self.settings.host)

    def _create(self, progress: Progress) -> None:
        from .create import create_built_in

        with self._store.writing() as session:
            if store.revision(session, self.name) is not None:
                store.migrate(session)
                return
            store.migrate(session)
            for row in datasets.ingest_built_in(session, self.settings.by, progress):
                create_built_in(session, row, self.settings.by)

    def _refresh(self) -> None:
        """Take the package's newer text of a built-in descriptor, where the rights suffice."""
        with self._store.reading() as session:
            newer = datasets.outdated(session)
        if newer:
            with suppress(CatalogError), self._store.writing() as session:
                for descriptor in newer:
                    datasets.refresh(session, descriptor, self.settings.by)
