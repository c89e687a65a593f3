"""Compare two subsets, of one release or of two: what is in both, and what changed between them."""

from __future__ import annotations

import heapq
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

import numpy as np
from pyroaring import BitMap
from sqlmodel import Session

from ..schemas.tables import Dataset, Subset
from . import images, subsets
from .bitmaps import load
from .datasets import descriptor_of
from .frame import Frame
from .index import FACETS


@dataclass(frozen=True, slots=True)
class Side:
    """One of the subsets that are compared: ``name@version`` and ``dataset@version``."""

    subset: str
    dataset: str
    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class Part:
    """The images of a part, and the patients that are in that part alike."""

    images: int
    patients: int


@dataclass(frozen=True, slots=True)
class Prevalence:
    """How many images of each side have a finding, and their shares, from 0 to 1."""

    finding: str
    a_images: int
    a_share: float
    b_images: int
    b_share: float


@dataclass(frozen=True, slots=True)
class Moved:
    """How many of the images that two releases share have a finding in one of them alone."""

    finding: str
    gained: int
    lost: int


@dataclass(frozen=True, slots=True)
class Changes:
    """How two releases differ in the images that both have, the subsets left aside.

    `labels` counts the images whose findings are not the same.
    """

    images: int
    age: int
    sex: int
    view: int
    follow_up: int
    labels: int
    findings: tuple[Moved, ...]


@dataclass(frozen=True, slots=True)
class Diff:
    """Two subsets compared.

    A patient is in both when either side has an image of it. `releases` is None where both sides
    are of one release.
    """

    a: Side
    b: Side
    both: Part
    only_a: Part
    only_b: Part
    findings: tuple[Prevalence, ...]
    releases: Changes | None


class _Sides:
    """Two versions of subsets and their members, in numbers that both share."""

    def __init__(self, session: Session, a: str, b: str) -> None:
        self.rows = (subsets.get(session, a), subsets.get(session, b))
        self.releases = tuple(session.get_one(Dataset, row.dataset_id) for row in self.rows)
        self.own = tuple(load(row.members) for row in self.rows)
        self.frame = Frame(session, self.releases)
        self.members = tuple(map(self.frame.images, self.releases, self.own))


def diff(session: Session, a: str, b: str) -> Diff:
    """Compare subset `a` with subset `b`, named as `subsets.get` takes them.

    Raises `NotFoundError` for an unknown one, and `UsageError` when they are of two datasets.
    """
    sides = _Sides(session, a, b)
    in_a, in_b = sides.members
    of_a, of_b = (
        sides.frame.patients(release, own) > 0
        for release, own in zip(sides.releases, sides.own, strict=True)
    )
    first, second = sides.releases
    return Diff(
        a=side(sides.rows[0], first),
        b=side(sides.rows[1], second),
        both=Part(in_a.intersection_cardinality(in_b), int(np.count_nonzero(of_a & of_b))),
        only_a=Part(in_a.difference_cardinality(in_b), int(np.count_nonzero(of_a & ~of_b))),
        only_b=Part(in_b.difference_cardinality(in_a), int(np.count_nonzero(of_b & ~of_a))),
        findings=tuple(_prevalence(sides)),
        releases=None if first.id == second.id else _changes(sides.frame, first, second),
    )


def changed_names(session: Session, a: str, b: str) -> Iterator[tuple[str, str]]:
    """Yield the images that one side alone has, by name: ``-`` for `a` and ``+`` for `b`."""
    sides = _Sides(session, a, b)
    in_a, in_b = sides.members
    alone = (in_a - in_b, in_b - in_a)
    signed = []
    for sign, release, own, numbers in zip("-+", sides.releases, sides.own, alone, strict=True):
        members = sides.frame.among(release, own, numbers)
        signed.append(_signed(images.names(session, release, members), sign))
    yield from heapq.merge(*signed, key=lambda each: each[1])


def side(row: Subset, release: Dataset) -> Side:
    """Return what names a version of a subset in a comparison."""
    return Side(
        subset=f"{row.name}@{row.version}",
        dataset=f"{release.slug}@{release.version}",
        images=row.images,
        patients=row.patients,
    )


def _signed(names: Iterator[str], sign: str) -> Iterator[tuple[str, str]]:
    for name in names:
        yield sign, name


def _prevalence(sides: _Sides) -> Iterator[Prevalence]:
    said = [_findings(sides.frame, release) for release in sides.releases]
    size_a, size_b = map(len, sides.own)
    for finding in _words(sides.releases[0], *said):
        count_a, count_b = (
            own.intersection_cardinality(found.get(finding, BitMap()))
            for own, found in zip(sides.own, said, strict=True)
        )
        yield Prevalence(
            finding, count_a, count_a / max(size_a, 1), count_b, count_b / max(size_b, 1)
        )


def _changes(frame: Frame, a: Dataset, b: Dataset) -> Changes:
    common = frame.images(a, frame.index(a).universe()) & frame.images(b, frame.index(b).universe())

    def numbered(release: Dataset, values: Mapping[str, BitMap]) -> dict[str, BitMap]:
        return {value: frame.images(release, members) & common for value, members in values.items()}

    def differing(before: Mapping[str, BitMap], after: Mapping[str, BitMap]) -> int:
        unlike = [
            before.get(value, BitMap()) ^ after.get(value, BitMap())
            for value in before.keys() | after.keys()
        ]
        return len(BitMap.union(BitMap(), *unlike))

    fields = {
        field: differing(
            numbered(a, frame.index(a).facet(field)), numbered(b, frame.index(b).facet(field))
        )
        for field in FACETS
    }
    before, after = (numbered(each, _findings(frame, each)) for each in (a, b))
    moved = tuple(
        Moved(
            finding,
            gained=after.get(finding, BitMap()).difference_cardinality(
                before.get(finding, BitMap())
            ),
            lost=before.get(finding, BitMap()).difference_cardinality(after.get(finding, BitMap())),
        )
        for finding in _words(a, before, after)
    )
    return Changes(images=len(common), **fields, labels=differing(before, after), findings=moved)


def _findings(frame: Frame, release: Dataset) -> dict[str, BitMap]:
    """Return what the labels that come with a release say is present."""
    labels = descriptor_of(release).version_of(release.version).table.labels
    return dict(frame.index(release).findings_of(labels, "present"))


def _words(release: Dataset, *said: Mapping[str, BitMap]) -> list[str]:
    """Return the findings in the order of the vocabulary."""
    words = [word.name for word in descriptor_of(release).vocabulary.words()]
    return list(dict.fromkeys([*words, *(name for each in said for name in sorted(each))]))
