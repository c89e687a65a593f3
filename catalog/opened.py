"""Open a catalog, make one that is not there yet, and let go of it."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ..schemas.errors import CatalogError, CxrcatError
from . import datasets, spool, store
from .progress import SILENT, Progress
from .settings import Settings

if TYPE_CHECKING:
    from types import TracebackType


class Opened:
    """A catalog that is open, and made when it was not there. See `catalog.Catalog`."""

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
            catalog._take_in_spooled()
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
            if newer and self._store.path is None:
                from . import rights

                if rights.missing(session, rights.DESCRIBE):
                    return  # and wait for no writer
        if newer:
            with suppress(CatalogError), self._store.writing() as session:
                for descriptor in newer:
                    datasets.refresh(session, descriptor, self.settings.by)

    def _take_in_spooled(self) -> None:
        """Record the uses that wait for this catalog; when that cannot be, they wait on."""
        if spool.folder().exists():
            from .intake import take_in

            with suppress(CxrcatError, OSError):
                take_in(self.settings.location)
