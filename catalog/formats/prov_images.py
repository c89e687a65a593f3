"""What metadata.csv says of single images, as statements of W3C PROV: row by row, none is kept."""

from __future__ import annotations

import csv
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from ...schemas.errors import CheckFailedError, InputError
from ...schemas.manifest import Provenance
from ..checksums import names_checksum
from .facts import clean
from .prov import copies_id, members_id
from .prov_json import Record, address, identifier, related, whole

SECTIONS = ("entity", "wasDerivedFrom", "hadMember")
_COLUMNS = {"name", "source", "path", "size", "checksum"}


class Statement(NamedTuple):
    """A record of a section of PROV-JSON, under its key there."""

    section: str
    key: str
    record: Record


def check_table(manifest: Provenance, table: Path) -> None:
    """Read the whole table once, so that it does not break off what is made of it.

    Raises `InputError` when it cannot be read, and `CheckFailedError` when its images are not those
    of which the manifest tells.
    """
    names = str(names_checksum(row["name"] for row in _rows(table)))
    if names != manifest.subset.names:
        raise CheckFailedError(f"{table}: was changed: its images are not those of the manifest")


def statements(manifest: Provenance, table: Path) -> Iterator[Statement]:
    """Yield what is stated of each image of an export, by its table (see `check_table`)."""
    members, copies = members_id(manifest), copies_id(manifest)
    for number, row in enumerate(_rows(table), 1):
        image = identifier("image", manifest.dataset.slug, row["name"])
        facts: Record = {"prov:label": clean(row["name"])}
        if row["source"]:
            facts["prov:location"] = address(row["source"])
        yield Statement("entity", image, facts)
        yield Statement("hadMember", f"_:image{number}", related("hadMember", members, image))
        if row["path"] and manifest.images.files:
            file = identifier("export", manifest.export.id, *row["path"].split("/"))
            facts = {"prov:label": clean(row["path"]), "term:checksum": clean(row["checksum"])}
            if row["size"].isdecimal():
                facts["term:size"] = whole(int(row["size"]))
            yield Statement("entity", file, facts)
            made = related("wasDerivedFrom", file, image)
            yield Statement("wasDerivedFrom", f"_:copy{number}", made)
            held = related("hadMember", copies, file)
            yield Statement("hadMember", f"_:file{number}", held)


def _rows(table: Path) -> Iterator[dict[str, str]]:
    try:
        with table.open(encoding="utf-8", newline="") as stream:
            reader = csv.reader(stream, strict=True)
            header = next(reader, [])
            if not set(header) >= _COLUMNS:
                lacking = ", ".join(sorted(_COLUMNS - set(header)))
                raise InputError(f"{table}: not a table that cxrcat wrote: it lacks {lacking}")
            for cells in reader:
                if len(cells) != len(header):
                    raise InputError(
                        f"{table}:{reader.line_num}: {len(cells)} cells where the header has "
                        f"{len(header)}"
                    )
                yield dict(zip(header, cells, strict=True))
    except OSError as error:
        raise InputError(f"{table}: cannot be read: {error.strerror}") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"{table}: cannot be read as CSV in UTF-8: {error}") from error
