"""Write what a slice consists of beside its images: table, boxes, papers, manifest, checksums."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

from sqlmodel import Session

from ...schemas.checksum import Checksum
from ...schemas.descriptor import Descriptor, SourceSpec
from ...schemas.errors import CatalogError
from ...schemas.manifest import (
    SCHEMA_ID,
    DatasetFacts,
    ExportFacts,
    FileFact,
    FunnelStep,
    ImagesFacts,
    Profile,
    Provenance,
    ReadFact,
    SubsetFacts,
    Tool,
)
from ...schemas.tables import Dataset, Subset
from .. import boxes, images
from ..bitmaps import load
from ..checksums import of_bytes, of_file
from ..duties import Owed, Used, gather
from ..formats import check_papers, papers
from ..index import DatasetIndex
from ..lineage import TABLE
from ..profile import profile as profile_of
from ..sources import Source, Transferred
from ..store import Store
from ..verify import write_checksums
from .boxes import box_files
from .plan import CHECKSUMS, MANIFEST, Plan
from .staging import write_file
from .table import Written, write_table

IMAGES = "images"


@dataclass(frozen=True, slots=True)
class Cut:
    """What is cut from which release; `read` is all that its lineage used."""

    dataset: Dataset
    subset: Subset
    descriptor: Descriptor
    read: list[Used]

    def owed(self, source: Source | None) -> Owed:
        """Return what the slice owes, the source of its images included."""
        used = list(self.read)
        if source is not None and source.spec in self.descriptor.sources:
            used.append(
                Used("source", source.slug, f"the images were fetched from {source.spec.title}")
            )
        return gather(self.descriptor, used)


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
    path = folder / TABLE
    files = [FileFact(path=TABLE, size=path.stat().st_size, checksum=str(of_file(path)))]
    files += _write_files(folder, box_files(drawn, descriptor, manifest))
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
    origin = _origin(source, descriptor)
    table = write_table(folder / TABLE, rows, descriptor, origin, source, brought)
    if table.rows != subset.images:
        raise CatalogError(
            f"the catalog holds {table.rows:,} of the {subset.images:,} images of "
            f"{subset.name}@{subset.version}; restore it from a backup"
        )
    return table


def make_manifest(
    cut: Cut,
    facts: ExportFacts,
    owed: Owed,
    plan: Plan,
    source: Source | None,
    brought: Mapping[str, Transferred],
    names: str,
    profile: Profile,
) -> Provenance:
    """Return the manifest, which does not know the other files yet."""
    dataset, subset, descriptor = cut.dataset, cut.subset, cut.descriptor
    origin = _origin(source, descriptor)
    return Provenance.model_validate(
        {
            "$schema": SCHEMA_ID,
            "format": "cxrcat.provenance/1",
            "tool": Tool(version=version("cxrcat")),
            "export": facts,
            "dataset": DatasetFacts(
                slug=dataset.slug,
                version=dataset.version,
                title=dataset.title,
                short_title=descriptor.short_title,
                homepage=descriptor.homepage,
                provider=descriptor.provider,
                terms=descriptor.terms,
                images=dataset.images,
                patients=dataset.patients,
                table_checksum=dataset.table_checksum,
                names_checksum=dataset.names_checksum,
            ),
            "subset": SubsetFacts(
                name=subset.name,
                version=subset.version,
                query=subset.query,
                normal=subset.normal,
                note=subset.note,
                reads=[ReadFact.model_validate(read) for read in subset.reads],
                images=subset.images,
                patients=subset.patients,
                digest=subset.digest,
                names=names,
                funnel=[FunnelStep.model_validate(step) for step in subset.funnel],
                profile=profile,
            ),
            "duties": list(owed.duties),
            "citations": list(owed.citations),
            "images": ImagesFacts(
                mode=plan.mode.value,
                brought_from=source.slug if source else None,
                media_type=source.media_type if source else None,
                source=origin.slug if origin else None,
                uri=origin.uri if origin else None,
                files=len(brought),
                size=sum(each.size for each in brought.values()),
                taken_over=_taken_over(brought),
                missing=len(plan.missing),
            ),
            "files": [],
        }
    )


def _taken_over(brought: Mapping[str, Transferred]) -> int | None:
    """Return how many images have a checksum that a store told, None for none."""
    return sum(each.checksum.algorithm != "xxh128" for each in brought.values()) or None


def _origin(source: Source | None, descriptor: Descriptor) -> SourceSpec | None:
    """Return the source from which everybody can have the images."""
    if source is not None and source.spec in descriptor.sources:
        return source.spec
    return descriptor.source_of_images


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
    listed.update({file.path: Checksum.parse(file.checksum) for file in files})
    data = manifest.model_copy(update={"files": files}).to_json().encode()
    write_file(folder / MANIFEST, data)
    listed[MANIFEST] = of_bytes(data)
    data = write_checksums(listed).encode()
    write_file(folder / CHECKSUMS, data)
    return of_bytes(data)
