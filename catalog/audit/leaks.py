"""Patients who are in test and in another part of a study: folders of images, and exports."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterator, Sequence
from itertools import combinations
from typing import NamedTuple

from pyroaring import BitMap

from .found import parts_in
from .known import Known, unpack
from .model import Facts

_TEST = "test"


class Part(NamedTuple):
    """A folder that is one part of a study, such as ``train``, with the patients in it."""

    place: str
    name: str
    patients: BitMap


def leaks(known: Known, facts: Facts) -> Iterator[tuple[Part, Part, int]]:
    """Yield two parts, one of them for tests, and how many patients are in both."""
    for parts in _by_release(known, facts).values():
        for one, other in combinations(_leaking(parts), 2):
            if one.name != other.name and _TEST in (one.name, other.name):
                shared = one.patients.intersection_cardinality(other.patients)
                if shared:
                    yield one, other, shared


def _by_release(known: Known, facts: Facts) -> dict[int, list[Part]]:
    found: dict[int, list[Part]] = defaultdict(list)

    def add(place: str, names: Collection[str], dataset: str, members: str | None) -> None:
        release = known.release(dataset)
        if release is not None and members and len(names) == 1:
            (name,) = names
            patients = known.patients(release, unpack(members))
            found[release.row.id or 0].append(Part(place, name, patients))

    for export in facts.exports:
        add(export.folder, export.parts, export.dataset, export.members)
    for images in facts.images:
        words = set(images.path.casefold().replace("_", "/").split("/"))
        if not images.archive:
            add(images.path, parts_in(words), images.dataset, images.members)
    return found


def _leaking(parts: Sequence[Part]) -> list[Part]:
    """Return the parts with a patient who is in test and in another part: of many, few are."""
    test = BitMap.union(BitMap(), *(each.patients for each in parts if each.name == _TEST))
    others = BitMap.union(BitMap(), *(each.patients for each in parts if each.name != _TEST))
    both = test & others
    return [each for each in parts if each.patients & both]
