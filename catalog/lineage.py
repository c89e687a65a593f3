"""Where a subset comes from: its ancestors, and all that their questions read."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from sqlmodel import Session

from ..schemas.descriptor import Descriptor
from ..schemas.tables import Dataset, Subset
from . import boxes, subsets
from .bitmaps import load
from .duties import Used

TABLE, BOXES = "metadata.csv", "boxes.csv"


def ancestors(session: Session, dataset: Dataset, subset: Subset) -> Iterator[Subset]:
    """Yield the subset and every version that it is made from, each once, the nearest first."""
    known, waiting = {f"{subset.name}@{subset.version}"}, [subset]
    while waiting:
        each = waiting.pop(0)
        yield each
        for read in each.reads:
            if read["kind"] == "subset" and read["name"] not in known:
                known.add(read["name"])
                waiting.append(subsets.get(session, read["name"], dataset))


def level(session: Session, dataset: Dataset, kind: str, parents: Iterable[Subset]) -> int:
    """Return how often steps of a kind drew lots, one after another, on the way to the parents."""
    levels = [0]
    for parent in parents:
        for each in ancestors(session, dataset, parent):
            levels += [(step.get("level") or 0) + 1 for step in each.steps if step["kind"] == kind]
    return max(levels)


def used(session: Session, descriptor: Descriptor, dataset: Dataset, subset: Subset) -> list[Used]:
    """Return what an export holds, what its question read, and what its ancestors read.

    `descriptor` is that of the dataset with the label sets that were brought along.
    """
    found = []
    for each in ancestors(session, dataset, subset):
        asker = "the question" if each is subset else f"the subset {each.name}@{each.version}"
        for read in each.reads:
            because = f"{asker} reads `{read['word']}`"
            if read["kind"] in ("labels", "split", "source"):
                found.append(Used(read["kind"], read["name"], because))
            elif read["kind"] == "boxes":
                found += [Used("boxes", spec.slug, because) for spec in descriptor.boxes]
    titles = {spec.slug: spec.title for spec in descriptor.boxes}
    found += [
        Used("boxes", slug, f"{BOXES} holds {titles.get(slug, slug)}")
        for slug in sorted(boxes.sources(session, dataset, load(subset.members)))
    ]
    labels = descriptor.version_of(dataset.version).table.labels
    title = descriptor.labels_of(labels).title
    return [*found, Used("labels", labels, f"{TABLE} holds {title}")]
