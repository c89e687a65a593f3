"""Where a subset comes from: its ancestors, and all that their questions read."""

from __future__ import annotations

from collections.abc import Iterator

from sqlmodel import Session

from ..schemas.descriptor import Descriptor
from ..schemas.tables import Dataset, Subset
from . import subsets
from .duties import Used

TABLE = "metadata.csv"


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


def used(session: Session, descriptor: Descriptor, dataset: Dataset, subset: Subset) -> list[Used]:
    """Return what an export holds, what its question read, and what its ancestors read.

    `descriptor` is that of the dataset with the label sets that were brought along.
    """
    found = []
    for each in ancestors(session, dataset, subset):
        asker = "the question" if each is subset else f"the subset {each.name}@{each.version}"
        for read in each.reads:
            because = f"{asker} reads `{read['word']}`"
            if read["kind"] in ("labels", "split"):
                found.append(Used(read["kind"], read["name"], because))
            elif read["kind"] == "boxes":
                found += [Used("boxes", boxes.slug, because) for boxes in descriptor.boxes]
    labels = descriptor.version_of(dataset.version).table.labels
    title = descriptor.labels_of(labels).title
    return [*found, Used("labels", labels, f"{TABLE} holds {title}")]
