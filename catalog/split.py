"""Divide a subset into parts that share no patient, and say how close the shares came.

A patient's part follows from the patient's lot alone (`selection.Part`), so that it stays the same
when the subset grows. To come close to the shares in every stratum as well, many draws are tried
and the best one is recorded; a split that was made before keeps its draw.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.errors import UsageError
from ..schemas.tables import Dataset, Subset
from . import subsets
from .bitmaps import load, ordinals
from .create import Ask, Creator
from .datasets import descriptor_of
from .lineage import level
from .lots import By
from .selection import Part
from .selection import load as load_step
from .subsets import SubsetInfo

Stratify: TypeAlias = Literal["finding", "sex", "view", "age"]

_DRAWS = 256  # that are tried for a stratified split
_COUNTED = 100  # images that a stratum has at least, for its share to say something


@dataclass(frozen=True, slots=True)
class Splitting:
    """How to divide: `into` has the parts in order with their shares (`selection.read_shares`)."""

    into: tuple[tuple[str, str], ...]
    by: By = "patient"
    stratify: Stratify | None = None
    seed: int = 0
    note: str | None = None


@dataclass(frozen=True, slots=True)
class PartReport:
    """A part as it came out: `share` is that of the images, `strata` that of each stratum's."""

    subset: SubsetInfo
    wanted: float
    share: float
    patient_share: float
    strata: Mapping[str, tuple[int, float]]


@dataclass(frozen=True, slots=True)
class SplitReport:
    """The parts; `shared_patients` are in more than one (none unless divided by image)."""

    subset: str
    parts: tuple[PartReport, ...]
    shared_patients: int
    draw: int

    @property
    def worst(self) -> tuple[str, str, float]:
        """The part and stratum whose share is farthest from what was wanted, and how far.

        A stratum counts that has at least 100 images: of a few, no share can come close.
        """
        images: Counter[str] = Counter()
        for part in self.parts:
            images.update({name: count for name, (count, _) in part.strata.items()})
        return max(
            (
                (part.subset.name, stratum, share - part.wanted)
                for part in self.parts
                for stratum, share in [
                    ("all images", part.share),
                    *((name, share) for name, (_, share) in part.strata.items()),
                ]
                if images.get(stratum, _COUNTED) >= _COUNTED
            ),
            key=lambda each: abs(each[2]),
        )


def split(session: Session, name: str, wanted: Splitting, by: str) -> SplitReport:
    """Record one subset a part, ``NAME-PART``, and return what each holds.

    Raises `UsageError` when the subset is empty, or a part cannot be named so.
    """
    parent = subsets.get(session, name)
    dataset = session.get_one(Dataset, parent.dataset_id)
    members = load(parent.members)
    if not members:
        raise UsageError(f"{parent.name}@{parent.version} is empty, so it cannot be divided")
    for part, _ in wanted.into:
        subsets.check_name(f"{parent.name}-{part}")
    creator = Creator(session, dataset, by)
    labels = descriptor_of(dataset).version_of(dataset.version).table.labels
    strata = _strata(creator, labels, members, wanted.stratify)
    first = Part(
        part=wanted.into[0][0],
        into=wanted.into,
        by=wanted.by,
        stratify=wanted.stratify,
        seed=wanted.seed,
        level=level(session, dataset, "part", [parent]),
    )
    draw = _earlier_draw(session, dataset, parent, first)
    if draw is None:
        draw = _best_draw(creator, members, first, strata) if wanted.stratify else 0
    also: tuple[dict[str, str], ...] = ()
    if wanted.stratify == "finding":
        also = (creator.read_of_labels(labels, "--stratify finding"),)
    rows = [
        creator.create(
            Ask(
                f"{parent.name}-{part}",
                f"in_subset('{parent.name}@{parent.version}')",
                "split",
                (replace(first, part=part, draw=draw),),
                note=wanted.note,
                also_read=also,
            )
        )
        for part, _ in wanted.into
    ]
    return _report(dataset, parent, rows, wanted, strata, draw, creator)


def _strata(
    creator: Creator, labels: str, members: BitMap, stratify: Stratify | None
) -> dict[str, BitMap]:
    """Return the images of each stratum; those of a finding when none was asked for."""
    if stratify in (None, "finding"):
        found = dict(creator.index.findings_of(labels, "present"))
    else:
        found = {value or "unknown": each for value, each in creator.index.facet(stratify).items()}
    return {name: each & members for name, each in found.items() if each.intersect(members)}


def _earlier_draw(session: Session, dataset: Dataset, parent: Subset, first: Part) -> int | None:
    """Return the draw of the same split of an earlier version of the subset."""
    for part, _ in first.into:
        row = subsets.latest(session, dataset, f"{parent.name}-{part}")
        for step in map(load_step, row.steps if row else ()):
            if isinstance(step, Part) and step == replace(first, part=part, draw=step.draw):
                return step.draw
    return None


def _best_draw(creator: Creator, members: BitMap, first: Part, strata: Mapping[str, BitMap]) -> int:
    """Return the draw whose parts are the nearest to the shares, by chi-squared over the strata."""
    chosen = _array(members)
    lots = creator.population.lots(first.by)
    groups = [chosen, *map(_array, strata.values())]
    shares = np.array([float(Fraction(share)) for _, share in first.into])

    def distance(draw: int) -> float:
        part_of = replace(first, draw=draw).places(lots)
        total = 0.0
        for group in groups:
            counts = np.bincount(part_of[group], minlength=len(shares))
            expected = shares * len(group)
            total += float(np.sum((counts - expected) ** 2 / expected))
        return total

    return min(range(_DRAWS), key=distance)


def _report(
    dataset: Dataset,
    parent: Subset,
    rows: list[Subset],
    wanted: Splitting,
    strata: Mapping[str, BitMap],
    draw: int,
    creator: Creator,
) -> SplitReport:
    members = [load(row.members) for row in rows]
    whole = BitMap.union(BitMap(), *members)
    patients = creator.index.patients.count(whole)
    reports = [
        PartReport(
            subset=subsets.describe(row, dataset),
            wanted=float(Fraction(share)),
            share=len(each) / len(whole),
            patient_share=row.patients / patients,
            strata={
                name: (len(each & images), len(each & images) / len(images & whole))
                for name, images in strata.items()
                if images.intersect(whole)
            },
        )
        for row, each, (_, share) in zip(rows, members, wanted.into, strict=True)
    ]
    ranks = creator.index.patients.ranks
    each_once = [np.unique(ranks[_array(part)]) for part in members]
    _, times = np.unique(np.concatenate(each_once), return_counts=True)
    shared = int(np.count_nonzero(times > 1))
    return SplitReport(f"{parent.name}@{parent.version}", tuple(reports), shared, draw)


def _array(members: BitMap) -> npt.NDArray[np.uint32]:
    return np.frombuffer(ordinals(members), dtype=np.uint32)
