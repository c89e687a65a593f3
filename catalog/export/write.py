"""Write what a slice consists of beside its images: table, boxes, papers, manifest, checksums."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from sqlmodel import Session

from ...schemas.checksum import Checksum
from ...schemas.descriptor import Descriptor
from ...schemas.errors import CatalogError
from ...schemas.manifest import (
    ExportFacts,
    FileFact,
    Provenance,
)
from ...schemas.tables import Dataset, Subset
from .. import boxes, images
from ..bitmaps import load
from ..checksums import of_bytes, of_file, sha256_of
from ..formats import DATED, check_papers, dated_papers, papers
from ..index import DatasetIndex
from ..lineage import BOXES, TABLE
from ..profile import profile as profile_of
from ..sources import Source, Transferred
from ..store import Store
from ..verify import write_checksums
from .boxes import box_files
from .manifest import Cut, make_manifest, origin_of
from .plan import CHECKSUMS, MANIFEST, Plan
from .staging import write_file
from .table import SPLIT, Written, write_table

IMAGES = "images"


def write_slice(
    store: Store,
    folder: Path,
    cut: Cut,
    facts: ExportFacts,
    plan: Plan,
    source: Source | None,
    brought: Mapping[str, Transferred],
) -> tuple[Provenance, Checksum]:
    """Write all but the images; return the manifest and the checksum of the list of checksums.

    Raises `CheckFailedError` when the papers do not agree with one another.
    """
    dataset, subset, descriptor = cut.dataset, cut.subset, cut.descriptor
    owed = cut.owed(source)
    with store.reading() as session:
        members = load(subset.members)
        table = _write_rows(session, folder, dataset, subset, descriptor, source, brought)
        drawn = boxes.listing(session, dataset, descriptor, members)
        profile = profile_of(session, dataset, members)
    manifest = make_manifest(cut, facts, owed, plan, source, brought, table.names, profile)
    files = [_table_fact(folder, TABLE)]
    files += _write_files(folder, box_files(drawn, descriptor, manifest))
    files = [_table_fact(folder, each.path) if each.path == BOXES else each for each in files]
    manifest = manifest.model_copy(update={"files": files})
    return manifest, _write_papers(folder, manifest, brought)


def _write_rows(
    session: Session,
    folder: Path,
    dataset: Dataset,
    subset: Subset,
    descriptor: Descriptor,
    source: Source | None,
    brought: Mapping[str, Transferred],
) -> Written:
    index = DatasetIndex(session, dataset)
    labels = descriptor.version_of(dataset.version).table.labels
    rows = images.iterate(session, dataset, index, load(subset.members), labels)
    origin = origin_of(source, descriptor)
    parts = index.facet(SPLIT)
    table = write_table(folder / TABLE, rows, descriptor, origin, source, brought, parts)
    if table.rows != subset.images:
        raise CatalogError(
            f"the catalog holds {table.rows:,} of the {subset.images:,} images of "
            f"{subset.name}@{subset.version}; restore it from a backup"
        )
    return table


def _table_fact(folder: Path, name: str) -> FileFact:
    """Return the facts of a table, with the checksum that Croissant demands."""
    path = folder / name
    return FileFact(
        path=name,
        size=path.stat().st_size,
        checksum=str(of_file(path)),
        sha256=sha256_of(path),
    )


def _write_files(folder: Path, files: Mapping[str, bytes]) -> list[FileFact]:
    for name, data in files.items():
        (folder / name).parent.mkdir(exist_ok=True)
        write_file(folder / name, data)
    return [
        FileFact(path=name, size=len(data), checksum=str(of_bytes(data)))
        for name, data in files.items()
    ]


def _write_papers(
    folder: Path, manifest: Provenance, brought: Mapping[str, Transferred]
) -> Checksum:
    """Write the papers, the manifest and the list of checksums; return the list's checksum."""
    texts = papers(manifest)
    check_papers(texts, manifest)
    listed = {
        f"{IMAGES}/{each.file}": each.checksum
        for each in brought.values()
        if each.checksum.algorithm == "xxh128"
    }
    written = _write_files(folder, {name: text.encode() for name, text in texts.items()})
    files = [*manifest.files, *written]
    files.sort(key=lambda file: file.path)
    manifest = manifest.model_copy(update={"files": files})
    data = manifest.to_json().encode()
    write_file(folder / MANIFEST, data)
    texts = dated_papers(manifest)
    check_papers(texts, manifest, DATED)
    dated = _write_files(folder, {name: text.encode() for name, text in texts.items()})
    listed.update({file.path: Checksum.parse(file.checksum) for file in [*files, *dated]})
    listed[MANIFEST] = of_bytes(data)
    data = write_checksums(listed).encode()
    write_file(folder / CHECKSUMS, data)
    return of_bytes(data)
