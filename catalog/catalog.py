"""`Catalog`: the thin door to everything that can be done with a catalog."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..schemas.errors import CatalogError
from ..schemas.tables import Dataset, Export
from . import datasets, exports, images, store, subsets
from .bitmaps import load
from .index import DatasetIndex
from .progress import SILENT, Progress
from .settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from ..schemas.descriptor import Descriptor
    from ..schemas.manifest import Provenance
    from .datasets import DatasetInfo
    from .export import Plan, Request
    from .exports import ExportInfo
    from .health import Health
    from .images import ImageRow
    from .subsets import SubsetInfo
    from .verify import Verified


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
            return datasets.descriptor_of(datasets.find(session, dataset))

    def findings(self, dataset: str | None = None) -> list[tuple[str, str, str, int]]:
        """Return (label set, finding, state, images) for all that is said of a dataset."""
        with self._store.reading() as session:
            return datasets.finding_counts(session, datasets.find(session, dataset))

    def add_dataset(self, path: Path, progress: Progress = SILENT) -> list[DatasetInfo]:
        """Bring in every release that a descriptor's file names; return those of the dataset."""
        from .ingest import ingest

        descriptor = datasets.read_descriptor(path)
        with self._store.writing() as session:
            for version in descriptor.versions:
                row = ingest(session, descriptor, version, path, self.settings.by, progress)
                subsets.create_built_in(session, row, self.settings.by)
        return [each for each in self.datasets() if each.slug == descriptor.slug]

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
        self, name: str, where: str, note: str | None = None, dataset: str | None = None
    ) -> SubsetInfo:
        """Answer a question in the where-language and record it under a name.

        The same question with the same answer is recorded once; another one is a new version.
        """
        with self._store.writing() as session:
            owner = datasets.find(session, dataset)
            row = subsets.create(
                session,
                DatasetIndex(session, owner),
                owner,
                name,
                where,
                subsets.vocabulary_of(session, owner),
                self.settings.by,
                note,
            )
            return subsets.describe(row, owner)

    def images(self, name: str) -> Iterator[ImageRow]:
        """Yield the images of a subset as typed rows, in the order of their names."""
        with self._store.reading() as session:
            row = subsets.get(session, name)
            dataset = session.get_one(Dataset, row.dataset_id)
            labels = datasets.descriptor_of(dataset).version_of(dataset.version).table.labels
            index = DatasetIndex(session, dataset)
            yield from images.iterate(session, dataset, index, load(row.members), labels)

    def export(self, request: Request, progress: Progress = SILENT) -> tuple[Provenance, Plan]:
        """Write a subset with everything that it owes, and record it."""
        from .export import export, settle_interrupted

        settle_interrupted(self._store, self.settings)
        return export(self._store, self.settings, request, progress)

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

    def manifest(self, name: str) -> Provenance:
        """Return the manifest that an export of a subset would have, to cite from."""
        from .export import draft

        return draft(self._store, self.settings, name)

    def health(self) -> Health:
        """Look at the whole catalog and say what is in it, what is missing and what is damaged."""
        from .health import check

        return check(self._store, self.settings.host)

    def _create(self, progress: Progress) -> None:
        with self._store.writing() as session:
            if store.revision(session, self.name) is not None:
                store.migrate(session)
                return
            store.migrate(session)
            for row in datasets.ingest_built_in(session, self.settings.by, progress):
                subsets.create_built_in(session, row, self.settings.by)

    def _refresh(self) -> None:
        """Take the package's newer text of a built-in descriptor, where the rights suffice."""
        with self._store.reading() as session:
            newer = datasets.outdated(session)
        if newer:
            with suppress(CatalogError), self._store.writing() as session:
                for descriptor in newer:
                    datasets.refresh(session, descriptor, self.settings.by)
