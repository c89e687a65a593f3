"""What several slices owe together: each duty once, with the slices that owe it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from sqlmodel import Session

from ..schemas.descriptor import Descriptor
from ..schemas.tables import Dataset, Export, Subset
from . import datasets
from .duties import Used, gather
from .lineage import used


@dataclass(frozen=True, slots=True)
class SliceDuty:
    """A duty, what brought it, and the slices that owe it (``NAME@VERSION``).

    `citation` is the work as its owners word it, or else its title, and `doi` its DOI.
    """

    dataset: str
    id: str
    kind: str
    text: str
    source: str
    url: str | None
    party: str | None
    citation: str | None
    doi: str | None
    because: tuple[str, ...]
    slices: tuple[str, ...]


def duties(session: Session, slices: Iterable[tuple[Subset, Export | None]]) -> list[SliceDuty]:
    """Return what slices owe, in the order of their datasets and of these datasets' duties."""
    known: dict[int, tuple[Dataset, Descriptor]] = {}
    found: dict[tuple[str, str], SliceDuty] = {}
    done = set()
    for subset, export in slices:
        if subset.dataset_id not in known:
            dataset = session.get_one(Dataset, subset.dataset_id)
            known[subset.dataset_id] = dataset, datasets.full_descriptor(session, dataset)
        dataset, descriptor = known[subset.dataset_id]
        sources = tuple(_sources(descriptor, export))
        if (subset.id, sources) in done:
            continue
        done.add((subset.id, sources))
        owed = gather(descriptor, [*used(session, descriptor, dataset, subset), *sources])
        works = {work.id: work for work in owed.citations}
        name = f"{subset.name}@{subset.version}"
        for duty in owed.duties:
            key = dataset.slug, duty.id
            before = found.get(key)
            work = works.get(duty.citation or "")
            found[key] = SliceDuty(
                dataset=dataset.slug,
                id=duty.id,
                kind=duty.kind.value,
                text=duty.text,
                source=duty.source,
                url=duty.url,
                party=duty.party,
                citation=(work.as_worded or work.title) if work else None,
                doi=work.doi if work else None,
                because=_joined(before.because if before else (), duty.because),
                slices=_joined(before.slices if before else (), [name]),
            )
    order = {
        (descriptor.slug, duty.id): (dataset.slug, place)
        for dataset, descriptor in known.values()
        for place, duty in enumerate(descriptor.duties)
    }
    return [found[key] for key in sorted(found, key=order.__getitem__)]


def _sources(descriptor: Descriptor, export: Export | None) -> Iterable[Used]:
    """Yield the source of the descriptor that the images of an export were brought from."""
    if export is None or export.source is None:
        return
    for spec in descriptor.sources:
        # Exports of the first releases are recorded by their place alone.
        theirs = export.brought_from is None and spec.uri.startswith(export.source)
        if spec.slug == export.brought_from or theirs:
            yield Used("source", spec.slug, f"the images were fetched from {spec.title}")


def _joined(before: tuple[str, ...], more: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys([*before, *more]))
