"""What a project owes: the duties of all that it shows to use, each with what shows it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from ...schemas.terms import Duty
from .known import Known, Release
from .model import Facts


@dataclass(frozen=True, slots=True)
class Owed:
    """A duty that a project owes: because of what, and where that is."""

    duty: Duty
    because: str
    where: str
    line: int | None


def owed_by(known: Known, facts: Facts) -> list[Owed]:
    """Return the duties that a project owes, each once: what shows a use comes first.

    Exports owe what their manifests say; everything else the duties of its dataset, and copied
    tables those of what they hold too. A mere mention of a dataset owes nothing.
    """
    found: dict[str, Owed] = {}

    def add(
        release: Release | None,
        because: str,
        where: str,
        line: int | None,
        more: Sequence[str] = (),
    ) -> None:
        if release is None:
            return
        owed = {*release.descriptor.owes, *more}
        for duty in release.descriptor.duties:
            if duty.id in owed:
                found.setdefault(duty.id, Owed(duty, because, where, line))

    for export in facts.exports:
        because = f"the export {export.subset} lies in {export.folder or '.'}"
        add(known.release(export.dataset), because, export.folder, None, export.duties)
    for images in facts.images:
        because = f"{images.count:,} images of {images.dataset} lie in {images.path or '.'}"
        add(known.release(images.dataset), because, images.path, None)
    for table in facts.tables:
        because = f"{table.path} is a copy of {table.what}"
        add(known.release(table.dataset), because, table.path, None, table.duties)
    for each in facts.references:
        if each.uses:
            add(
                known.release(each.of),
                f"{each.path} is named after it"
                if each.what == "path"
                else f"{each.path} says: {each.words}",
                each.path,
                each.line,
                each.duties,
            )
    return list(found.values())
