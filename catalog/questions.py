"""`Questions`: the door to what is known of datasets, and to subsets."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from ..schemas.tables import Dataset
from . import datasets, images, subsets
from .bitmaps import load, ordinals
from .index import DatasetIndex
from .opened import Opened
from .progress import SILENT, Progress

if TYPE_CHECKING:
    from array import array

    from ..schemas.descriptor import Descriptor
    from ..schemas.manifest import Profile
    from .bigquery import Grant
    from .bigquery.instances import Identified
    from .compare import Diff
    from .datasets import DatasetInfo
    from .derive import Derivation
    from .graph import Graph
    from .history import VersionInfo
    from .images import ImageRow
    from .impact import Impact, Target
    from .labels import Added, LabelSetInfo
    from .overlap import Overlap
    from .releases import Arrival, ReleaseInfo
    from .split import SplitReport, Splitting
    from .subsets import SubsetInfo
    from .withdrawals import Withdraw, WithdrawReport


class Questions(Opened):
    """What can be asked and recorded of datasets, labels and subsets. See `catalog.Catalog`."""

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
        from . import releases, rights

        rights.check(self._store, *rights.DATASET)
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
        from . import rights
        from .bigquery import instances

        rights.check(self._store, *rights.REPLICA)
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
        from . import rights
        from .bigquery import answer
        from .create import Creator

        rights.check(self._store, *rights.SUBSET)
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
