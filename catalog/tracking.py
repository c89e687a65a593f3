"""Record a training, or another run, from the script that does it, without ever breaking it.

Whatever goes wrong here is one warning of the logger ``cxrcat``; a use whose catalog is away goes
into the spool, from which the next command takes it.
"""

from __future__ import annotations

import json
import logging
import os
import socket
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, TypeVar
from uuid import uuid4

from ..schemas.errors import CatalogError, CxrcatError, UsageError
from . import spool
from .settings import Settings

if TYPE_CHECKING:
    from types import TracebackType

    from .artifacts import Artifact
    from .slices import SliceFacts
    from .store import Store

_MOST = 1000  # artefacts of a run, as the spool takes them
_WAIT = 5  # seconds for a catalog that is locked or far away

_log = logging.getLogger("cxrcat")

Outcome = TypeVar("Outcome")


def training(
    project: str,
    *,
    export: str | Path | None = None,
    subset: str | None = None,
    kind: str = "training",
    catalog: str | Path | None = None,
    contact: str | None = None,
    note: str | None = None,
    doi: str | None = None,
) -> Training:
    """Return the context in which a slice is used, to be recorded when it ends, and how.

    The slice is an `export`, by its folder (wherever that is now) or its id, or a `subset`.
    `catalog` is a path or a URL as `Catalog.open` takes it. Nothing here raises.
    """
    return Training(
        {
            "project": project,
            "export": None if export is None else str(export),
            "subset": subset,
            "kind": kind,
            "contact": contact,
            "note": note or None,
            "dois": [] if doi is None else [doi],
        },
        None if catalog is None else str(catalog),
    )


class Training:
    """A run that uses a slice. Use it in a ``with`` statement; see `training`.

    `id` is the use's own, and another one each time that the block is entered. `recorded` tells,
    after the block, whether the use is in the catalog.
    """

    def __init__(self, stated: dict[str, Any], location: str | None) -> None:
        self.id = str(uuid4())
        self.recorded = False
        self._stated = stated
        self._location = location
        self._settings: Settings | None = None
        self._started = datetime.now(UTC)
        self._places: list[str] = []
        self._slice: SliceFacts | None = None
        self._told: str | None = None
        self._is_sound = True
        self._process: int | None = None

    def artifact(self, place: str | os.PathLike[str]) -> None:
        """Name a file, a folder or a URL that the run makes; it is read when the block ends."""
        self._try(lambda: self._note_place(os.fspath(place)), "the artefact is not recorded")

    def __enter__(self) -> Self:
        if self._process is not None:  # once more: another run
            self.id, self.recorded, self._places = str(uuid4()), False, []
        self._process = os.getpid()
        self._started = datetime.now(UTC)
        self._try(self._check, "this use will not be recorded")
        if self._is_sound:
            self._try(self._read_folder, "this use will be kept for later")
            self._try(self._look, "this use will be kept for later")
            self._try(self._tell_mlflow, "MLflow was not told")
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # A process that was forked in the block may leave it, too; the run goes on without it.
        if self._is_sound and os.getpid() == self._process:
            self._try(lambda: self._end(_failure(kind, error)), "this use is not recorded")

    def _try(self, step: Callable[[], Outcome], otherwise: str) -> Outcome | None:
        """Do a step of ours; whatever it raises is a warning."""
        try:
            return step()
        except Exception as error:
            with suppress(Exception):
                _log.warning("cxrcat: %s: %s", otherwise, _line(error))
            return None

    def _note_place(self, place: str) -> None:
        from .artifacts import is_url, path, url

        if len(self._places) >= _MOST:
            raise UsageError(f"a run has at most {_MOST:,} artefacts; name their folder instead")
        self._places.append(url(place).place if is_url(place) else path(place).place)

    def _check(self) -> None:
        """Raise what is wrong with what was stated: that could never be recorded."""
        self._settings = Settings.read(self._location)
        from . import dois, exports, uses

        stated = self._stated
        try:
            exports.check_project(stated["project"])
            stated["dois"] = [dois.normalise(each) for each in stated["dois"]]
            named = [stated[each] for each in ("export", "subset") if stated[each] is not None]
            if len(named) != 1 or not named[0] or not named[0].isprintable():
                raise UsageError("name the slice, by export= or by subset=")
            uses.check(
                uses.NewUse(
                    stated["project"],
                    stated["kind"],
                    contact=stated["contact"],
                    note=stated["note"],
                )
            )
        except (CxrcatError, TypeError, AttributeError):
            self._is_sound = False
            raise

    def _read_folder(self) -> None:
        """Read which export a folder is, if the slice was named by one."""
        from .slices import SliceFacts, export_id
        from .verify import read_manifest

        export = self._stated["export"]
        if export is None or "://" in export:
            return
        folder = Path(export).absolute()
        if folder.is_dir() or os.sep in export:
            self._stated["export"] = str(folder)  # for later, when it cannot be read now
            self._stated["export"] = export_id(str(folder))
            manifest = read_manifest(folder)
            self._slice = SliceFacts.of_manifest(manifest, str(folder), self._known.host)

    def _look(self) -> None:
        """Find the slice in the catalog, so that what is wrong is said before hours of work."""
        from . import projects, slices

        with _opened(self._known.location) as opened, opened.reading() as session:
            # What is there now was there when the block began, whatever other hosts' clocks say.
            found = slices.find(session, self._stated["export"], self._stated["subset"])
            if self._slice is None:
                self._slice = slices.SliceFacts.of(found)
            if self._stated["subset"] is not None:
                self._stated["subset"] = found.name
            projects.get(session, self._stated["project"])

    @property
    def _known(self) -> Settings:
        if self._settings is None:
            raise CatalogError("the catalog is not known")
        return self._settings

    def _end(self, failure: str | None) -> None:
        at = datetime.now(UTC)
        made: list[Artifact] = []
        entry = self._entry(made, failure, at)
        try:
            made += self._read_artifacts()
            entry = self._entry(made, failure, at)
            self._try(self._tell_mlflow, "MLflow was not told")
            self._record(entry)
        except Exception as error:
            self._keep(entry, _line(error))
        except BaseException:  # an interrupt while the artefacts were read
            self._keep(entry, "interrupted")
            raise
        self._try(lambda: self._tell_openlineage(entry), "OpenLineage was not told")

    def _record(self, entry: dict[str, Any]) -> None:
        from ..schemas.spooled import SpooledUse
        from . import slices, uses
        from .intake import facts_of

        facts = facts_of(SpooledUse.from_json(json.dumps(entry).encode(), "this use"))
        with _opened(self._known.location) as opened, opened.writing() as session:
            _, found, _ = uses.record(session, facts)
            self._slice = self._slice or slices.SliceFacts.of(found)
        self.recorded = True

    def _keep(self, entry: dict[str, Any], reason: str) -> None:
        try:
            path = spool.write(entry)
            _log.warning("cxrcat: the use waits in %s for its catalog: %s", path, reason)
        except Exception as error:
            said = json.dumps(entry)
            _log.warning(
                "cxrcat: the use could not be recorded (%s) or kept (%s): %s", reason, error, said
            )

    def _read_artifacts(self) -> list[Artifact]:
        from .artifacts import is_url, path, read_one

        made: dict[Artifact, None] = {}
        for place in dict.fromkeys(self._places):
            try:
                made[read_one(place)] = None
            except CxrcatError as error:
                _log.warning("cxrcat: recorded without a checksum: %s", error)
                if not is_url(place):
                    made[path(place)] = None
        return list(made)

    def _entry(self, made: list[Artifact], failure: str | None, at: datetime) -> dict[str, Any]:
        known = self._known
        return {
            "format": "cxrcat.use/1",
            "id": self.id,
            "catalog": spool.name_of(known.location),
            **self._stated,
            "failure": failure,
            "artifacts": [asdict(each) for each in made],
            "by": known.by,
            "host": known.host or socket.gethostname(),
            "started": self._started.isoformat(),
            "at": at.isoformat(),
        }

    def _tell_mlflow(self) -> None:
        if "mlflow" not in sys.modules or self._slice is None:
            return
        from . import to_mlflow

        run = to_mlflow.run_id(self._started)
        if run is None or run == self._told:
            return
        tags = {"cxrcat.project": self._stated["project"], "cxrcat.use": self.id}
        to_mlflow.tell(run, self._slice, self._stated["kind"], tags)
        self._told = run

    def _tell_openlineage(self, entry: dict[str, Any]) -> None:
        from . import to_openlineage

        if self._slice is None or not to_openlineage.is_wanted(self._known):
            return
        from ..schemas.spooled import SpooledUse
        from .intake import facts_of

        facts = facts_of(SpooledUse.from_json(json.dumps(entry).encode(), "this use"))
        to_openlineage.tell_use(self._known, self._slice, facts, self.id)


@contextmanager
def _opened(location: str) -> Iterator[Store]:
    """Open the database of a catalog that is there and of this release, for a moment."""
    from .store import Store, is_current

    if "://" not in location and not Path(location).expanduser().is_file():
        raise CatalogError(f"{location}: the catalog is not there")
    opened = Store(location, _WAIT)
    try:
        with opened.reading() as session:
            current = is_current(session)
        if not current:
            raise CatalogError(f"{opened.name}: the catalog is of another release")
        yield opened
    finally:
        opened.close()


def _failure(kind: type[BaseException] | None, error: BaseException | None) -> str | None:
    """Return the name of the error that ended a run; its text could hold what is private."""
    if kind is None or (isinstance(error, SystemExit) and error.code in (None, 0)):
        return None
    return kind.__name__


def _line(error: Exception) -> str:
    text = str(error) if isinstance(error, CxrcatError) else f"{type(error).__name__}: {error}"
    line = " ".join(text.split())
    return "".join(each if each.isprintable() else "\N{REPLACEMENT CHARACTER}" for each in line)
