"""Say which subsets hold the images that were recognised, and how near each is to them."""

from __future__ import annotations

import heapq
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ...schemas.tables import Dataset, Subset
from ..bitmaps import digest, load


@dataclass(frozen=True, slots=True)
class Share:
    """A version of a subset and what it shares with some images.

    `jaccard` is the number of shared images by that of all in either, `of_images` the share of the
    images that the subset has, `of_subset` the share of the subset that is among them; all from 0
    to 1. `exact` tells that the digests are equal: these images and no others.
    """

    key: int
    dataset: str
    subset: str
    images: int
    shared: int
    jaccard: float
    of_images: float
    of_subset: float
    exact: bool


def shares(session: Session, dataset: Dataset, members: BitMap) -> Iterator[Share]:
    """Yield every version of a release's subsets that holds some of the images, the oldest first.

    Every bitmap of the release is read once.
    """
    if not members:
        return
    size, its_digest = len(members), str(digest(members))
    columns = (Subset.id, Subset.name, Subset.version, Subset.images, Subset.digest, Subset.members)
    query = select(*columns).where(Subset.dataset_id == dataset.id).order_by(col(Subset.id))  # type: ignore[call-overload]
    for key, name, version, images, its, blob in session.exec(query).yield_per(500):
        shared = load(blob).intersection_cardinality(members)
        if shared:
            yield Share(
                key=key,
                dataset=f"{dataset.slug}@{dataset.version}",
                subset=f"{name}@{version}",
                images=images,
                shared=shared,
                jaccard=shared / (size + images - shared),
                of_images=shared / size,
                of_subset=shared / images,
                exact=its == its_digest,
            )


def nearest(found: Iterable[Share], count: int = 5) -> list[Share]:
    """Return those that are nearest, the nearest first; of equally near ones the newest."""
    return heapq.nlargest(count, found, key=lambda each: (each.exact, each.jaccard, each.key))
