"""Take uses from the spool into their catalog, each once; say of the others why they wait."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sqlmodel import Session

from ..schemas.errors import CxrcatError, InputError
from ..schemas.spooled import SpooledUse
from ..schemas.tables import Use
from . import slices, spool, uses
from .artifacts import Artifact
from .projects import get as get_project
from .store import Store
from .uses import Facts

_WAIT = 1  # second for which the catalog may be locked: uses can wait, commands should not


@dataclass(frozen=True, slots=True)
class Waiting:
    """A use that waits, and why. `here` tells whether it is meant for this catalog."""

    file: str
    reason: str
    here: bool


def take_in(location: str) -> None:
    """Record the uses that wait for a catalog and can be recorded, in one transaction.

    Raises `CatalogError` when the catalog is locked or cannot be written; then they wait on.
    """
    read = list(_read(location))
    if not read:
        return
    opened = Store(location, _WAIT)
    try:
        with opened.reading() as session:
            ready = [(path, each) for path, each in read if _obstacle(session, each) is None]
        if not ready:
            return
        with opened.writing() as session:
            # A copy of the entry may have come in meanwhile, by another process or its own run.
            done = [path for path, each in ready if _take(session, each)]
        for path in done:
            spool.remove(path)
    finally:
        opened.close()


def waiting(session: Session, location: str) -> list[Waiting]:
    """Return the uses that wait in the spool, and why each does."""
    found = []
    for path in spool.entries():
        try:
            each = _entry(path)
        except InputError as error:
            found.append(Waiting(str(path), str(error), here=True))
            continue
        if not spool.is_for(each.catalog, location):
            reason = f"{path}: a use waits for the catalog {each.catalog}"
            found.append(Waiting(str(path), reason, here=False))
            continue
        reason = _obstacle(session, each) or "the catalog was locked or could not be written"
        said = f"{path}: {each.kind.named} of {each.project} waits: {reason}"
        found.append(Waiting(str(path), said, here=True))
    return found


def facts_of(entry: SpooledUse) -> Facts:
    """Return what an entry says, ready to be recorded."""
    return Facts(
        project=entry.project,
        kind=entry.kind.value,
        export=None if entry.export is None else slices.export_id(entry.export),
        subset=entry.subset,
        artifacts=tuple(
            Artifact(each.kind.value, each.place, each.files, each.size, each.checksum)
            for each in entry.artifacts
        ),
        dois=tuple(entry.dois),
        contact=entry.contact,
        note=entry.note,
        by=entry.by,
        host=entry.host,
        at=entry.at,
        id=str(entry.id),
        failure=entry.failure,
        started=entry.started,
    )


def _read(location: str) -> Iterator[tuple[Path, SpooledUse]]:
    """Yield the entries for a catalog; what is no entry stays where it is."""
    for path in spool.entries():
        try:
            each = _entry(path)
        except InputError:
            continue
        if spool.is_for(each.catalog, location):
            yield path, each


def _entry(path: Path) -> SpooledUse:
    return SpooledUse.from_json(spool.read(path), str(path))


def _obstacle(session: Session, entry: SpooledUse) -> str | None:
    """Return why an entry cannot be recorded, None when it can or when it is already."""
    row = session.get(Use, str(entry.id))
    if row is not None:
        same = (row.kind, row.at, row.by) == (entry.kind.value, entry.at, entry.by)
        return None if same else f"another use has its id, {entry.id}"
    try:
        facts = facts_of(entry)
        uses.check(facts)
        get_project(session, facts.project)
        slices.find(session, facts.export, facts.subset, facts.started)
    except CxrcatError as error:
        return str(error)
    return None


def _take(session: Session, entry: SpooledUse) -> bool:
    if _obstacle(session, entry) is not None:
        return False
    uses.record(session, facts_of(entry))
    return True
