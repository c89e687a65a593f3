"""What is cut, and the manifest that says so."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from sqlmodel import Session, select

from ...schemas.descriptor import Descriptor, SourceSpec
from ...schemas.manifest import (
    SCHEMA_ID,
    Arrival,
    DatasetFacts,
    ExportFacts,
    FunnelStep,
    ImagesFacts,
    Profile,
    Provenance,
    ReadFact,
    SetFacts,
    SubsetFacts,
    Tool,
    VersionFacts,
)
from ...schemas.tables import Dataset, LabelSet, Subset
from ..datasets import full_descriptor
from ..duties import Owed, Used, gather
from ..lineage import TABLE, ancestors, used
from ..sources import Source, Transferred
from .plan import Plan


@dataclass(frozen=True, slots=True)
class Cut:
    """What is cut from which release.

    `lineage` has the subset and all that it is made from, the nearest first, `read` what they used,
    and `rows` the label sets and splits of the release.
    """

    dataset: Dataset
    subset: Subset
    descriptor: Descriptor
    lineage: Sequence[Subset]
    read: Sequence[Used]
    rows: Sequence[LabelSet]

    @classmethod
    def of(cls, session: Session, subset: Subset) -> Cut:
        """Return what is cut for a version of a subset."""
        dataset = session.get_one(Dataset, subset.dataset_id)
        descriptor = full_descriptor(session, dataset)
        rows = session.exec(select(LabelSet).where(LabelSet.dataset_id == dataset.id)).all()
        read = used(session, descriptor, dataset, subset)
        read += [Used("split", row.slug, f"{TABLE} holds {row.title}") for row in _splits(rows)]
        lineage = list(ancestors(session, dataset, subset))
        return cls(dataset, subset, descriptor, lineage, read, rows)

    def owed(self, source: Source | None) -> Owed:
        """Return what the slice owes, the source of its images included."""
        used = list(self.read)
        if source is not None and source.spec in self.descriptor.sources:
            used.append(
                Used("source", source.slug, f"the images were fetched from {source.spec.title}")
            )
        return gather(self.descriptor, used)


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
    origin = origin_of(source, descriptor)
    return Provenance.model_validate(
        {
            "$schema": SCHEMA_ID,
            "format": "cxrcat.provenance/1",
            "tool": Tool(version=version("cxrcat")),
            "export": facts.model_copy(update={"arrivals": list(_arrivals(cut))}),
            "dataset": DatasetFacts(
                slug=dataset.slug,
                version=dataset.version,
                title=dataset.title,
                short_title=descriptor.short_title,
                description=descriptor.description,
                about=descriptor.about,
                homepage=descriptor.homepage,
                provider=descriptor.provider,
                terms=descriptor.terms,
                released=descriptor.version_of(dataset.version).released,
                images=dataset.images,
                patients=dataset.patients,
                table_checksum=dataset.table_checksum,
                names_checksum=dataset.names_checksum,
            ),
            "subset": SubsetFacts(
                **_version(subset),
                note=subset.note,
                names=names,
                funnel=[FunnelStep.model_validate(step) for step in subset.funnel],
                profile=profile,
            ),
            "lineage": [VersionFacts(**_version(each)) for each in cut.lineage[1:]],
            "sets": list(_sets(cut)),
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


def _version(row: Subset) -> dict[str, Any]:
    """Return the facts of a version of a subset that do not depend on who recorded it."""
    return {
        "name": row.name,
        "version": row.version,
        "query": row.query,
        "normal": row.normal,
        "operation": row.operation,
        "steps": row.steps,
        "reads": [ReadFact.model_validate(read) for read in row.reads],
        "images": row.images,
        "patients": row.patients,
        "digest": row.digest,
    }


def _sets(cut: Cut) -> Iterator[SetFacts]:
    """Yield the label sets, splits and boxes that the lineage read, each once."""
    for row in _rows_read(cut):
        yield SetFacts(
            kind="split" if row.kind == "split" else "labels",
            name=row.slug.partition("@")[0],
            title=row.title,
            source=row.source,
            checksum=row.checksum,
        )
    boxes = {each.name for each in cut.read if each.kind == "boxes"}
    for spec in cut.descriptor.boxes:
        if spec.slug in boxes and spec.checksum is not None:
            yield SetFacts(
                kind="boxes",
                name=spec.slug,
                title=spec.title,
                source=spec.file,
                checksum=spec.checksum,
            )


def _rows_read(cut: Cut) -> Iterable[LabelSet]:
    """Return the sets that were read; newer files may have taken the place of one's since."""
    table = cut.descriptor.version_of(cut.dataset.version).table.labels
    wanted = {(table, _checksum_of(cut.rows, table)): None}
    wanted |= {(row.slug, row.checksum): None for row in _splits(cut.rows)}
    for each in cut.lineage:
        for read in each.reads:
            if read["kind"] in ("labels", "split"):
                checksum = read.get("checksum") or _checksum_of(cut.rows, read["name"])
                wanted[read["name"], checksum] = None
    there = {(row.slug.partition("@")[0], row.checksum): row for row in cut.rows}
    return [there[each] for each in wanted if each in there]


def _splits(rows: Iterable[LabelSet]) -> list[LabelSet]:
    """Return the split of the release, which metadata.csv tells, where the catalog has it."""
    return [row for row in rows if row.kind == "split" and "@" not in row.slug]


def _checksum_of(rows: Iterable[LabelSet], slug: str) -> str | None:
    return next((row.checksum for row in rows if row.slug == slug), None)


def _arrivals(cut: Cut) -> Iterator[Arrival]:
    """Yield when and by whom the parts of the lineage came into this catalog."""
    yield Arrival(kind="dataset", name=cut.dataset.version, at=cut.dataset.at)
    for row in _rows_read(cut):
        kind: Literal["labels", "split"] = "split" if row.kind == "split" else "labels"
        yield Arrival(kind=kind, name=row.slug.partition("@")[0], at=row.at)
    for each in cut.lineage:
        name = f"{each.name}@{each.version}"
        yield Arrival(kind="subset", name=name, at=each.at, by=each.by)


def _taken_over(brought: Mapping[str, Transferred]) -> int | None:
    """Return how many images have a checksum that a store told, None for none."""
    return sum(each.checksum.algorithm != "xxh128" for each in brought.values()) or None


def origin_of(source: Source | None, descriptor: Descriptor) -> SourceSpec | None:
    """Return the source from which everybody can have the images."""
    if source is not None and source.spec in descriptor.sources:
        return source.spec
    return descriptor.source_of_images
