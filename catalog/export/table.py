"""metadata.csv: a row an image, streamed to the disk."""

from __future__ import annotations

import csv
import io
import os
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import xxhash
from pyroaring import BitMap

from ...schemas.descriptor import Descriptor, SourceSpec
from ..images import ImageRow
from ..sources import Source, Transferred

COLUMNS = (
    "name",
    "findings",
    "patient",
    "follow_up",
    "age",
    "sex",
    "view",
    "width",
    "height",
    "spacing_x",
    "spacing_y",
    "source",
    "path",
    "size",
    "checksum",
)
"""The columns of metadata.csv; the data dictionary is in the documentation of the formats."""

SPLIT = "split"
"""The last column, where the catalog has the release's split."""

_FLUSH = 1 << 20  # characters kept before they are written


@dataclass(frozen=True, slots=True)
class Written:
    """The table as written: how many rows, and the XXH3-128 of the names, one a line."""

    rows: int
    names: str


def write_table(
    path: Path,
    rows: Iterable[ImageRow],
    descriptor: Descriptor,
    origin: SourceSpec | None,
    source: Source | None,
    brought: Mapping[str, Transferred],
    parts: Mapping[str, BitMap] | None = None,
) -> Written:
    """Write the table whole and on disk.

    `findings` are the dataset's own labels joined by its separator; `source` is the address that an
    image was fetched from or, where only this machine has that, can be fetched from (`origin`);
    `path`, `size` and `checksum` are empty for an image that is not in the export. `parts` has the
    images of each part of the release's split; without any there is no column for them.
    """

    def address(name: str, each: Transferred | None) -> str | None:
        found = source.public_uri(name, each.found) if source and each else None
        return found or (origin.uri_of(name) if origin else None)

    def part_of(ordinal: int, parts: Mapping[str, BitMap]) -> str:
        return next((part for part, images in parts.items() if ordinal in images), "")

    labels = {word.name: word.label for word in descriptor.vocabulary.words()}
    names = xxhash.xxh3_128()
    count = 0
    with path.open("x", encoding="utf-8", newline="") as stream:
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow((*COLUMNS, SPLIT) if parts else COLUMNS)
        for row in rows:
            count += 1
            names.update(f"{row.name}\n".encode())
            each = brought.get(row.name)
            writer.writerow(
                (
                    row.name,
                    "|".join([labels.get(finding, finding) for finding in row.findings]),
                    row.patient,
                    row.follow_up,
                    row.age,
                    row.sex,
                    row.view,
                    row.width,
                    row.height,
                    row.spacing_x,
                    row.spacing_y,
                    address(row.name, each),
                    *((f"images/{each.file}", each.size, each.checksum) if each else ("", "", "")),
                    *([part_of(row.ordinal, parts)] if parts else []),
                )
            )
            if text.tell() > _FLUSH:
                stream.write(text.getvalue())
                text.seek(0)
                text.truncate()
        stream.write(text.getvalue())
        stream.flush()
        os.fsync(stream.fileno())
    return Written(count, f"xxh128:{names.hexdigest()}")
