"""What a subset consists of: findings, ages, sexes, views and patients, counted in bitmaps."""

from __future__ import annotations

import sys
from array import array
from collections import Counter
from collections.abc import Mapping

from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.descriptor import Descriptor
from ..schemas.errors import CatalogError
from ..schemas.manifest import AgeGroup, FindingCount, Profile
from ..schemas.tables import Dataset, Facet, PatientIndex, key_of
from .bitmaps import load
from .datasets import descriptor_of
from .index import DatasetIndex

UNKNOWN, OTHER = "unknown", "other"
_DECADES = (*(f"{first}-{first + 9}" for first in range(0, 90, 10)), "90+")
_SERIES = {"1": 1, "2-5": 5, "6-10": 10, "11-50": 50, "51+": sys.maxsize}
_SEXES, _VIEWS = 3, 12  # values that are counted by themselves; any text may be one

_Groups = Mapping[str, BitMap]


def profile(session: Session, dataset: Dataset, members: BitMap) -> Profile:
    """Return what the images of a release consist of, by the release's own labels.

    Raises `CatalogError` when what the catalog stores of it is damaged.
    """
    descriptor = descriptor_of(dataset)
    labels = descriptor.version_of(dataset.version).table.labels
    index = DatasetIndex(session, dataset)
    said = {name: found & members for name, found in index.findings_of(labels, "present")}
    words = _words(descriptor, labels, said)
    facets = _facets(session, dataset)
    return Profile(
        labels=labels,
        findings=[
            FindingCount(name=name, label=label, images=len(said.get(name, ())))
            for name, label in words.items()
        ],
        together=_together({name: said[name] for name in words if name in said}),
        ages=_ages(facets["age"], _frequent(facets["sex"], _SEXES), members),
        views=_counts(_frequent(facets["view"], _VIEWS), members),
        patients=_patients(session, dataset, members),
    )


def _words(descriptor: Descriptor, labels: str, said: _Groups) -> dict[str, str]:
    """Return the name and label of each finding of a label set, in its order."""
    words = {word.name: word.label for word in descriptor.words_of(labels)}
    return {**words, **{name: name for name in said if name not in words}}


def _together(said: _Groups) -> dict[str, dict[str, int]]:
    names = [name for name, images in said.items() if images]
    pairs: dict[str, dict[str, int]] = {}
    for place, one in enumerate(names):
        both = {
            other: count
            for other in names[place + 1 :]
            if (count := said[one].intersection_cardinality(said[other]))
        }
        if both:
            pairs[one] = both
    return pairs


def _facets(session: Session, dataset: Dataset) -> dict[str, dict[str, BitMap]]:
    facets: dict[str, dict[str, BitMap]] = {"age": {}, "sex": {}, "view": {}}
    rows = session.exec(
        select(Facet.field, Facet.value, Facet.members).where(
            Facet.dataset_id == key_of(dataset), col(Facet.field).in_(facets)
        )
    )
    for field, value, blob in rows:
        facets[field][value] = load(blob)
    return facets


def _frequent(values: _Groups, most: int) -> dict[str, BitMap]:
    """Return the images of each value in the order of the values, the rarer ones as one."""
    known = {value: images for value, images in values.items() if value}
    kept = sorted(sorted(known), key=lambda value: -len(known[value]))[:most]
    groups = {value: known[value] for value in sorted(kept)}
    rest = {OTHER: [known[value] for value in known if value not in kept]}
    rest[UNKNOWN] = [values[""]] if "" in values else []
    for name, images in rest.items():
        if images:
            groups[name] = BitMap.union(groups.get(name, BitMap()), *images)
    return groups


def _counts(groups: _Groups, members: BitMap) -> dict[str, int]:
    return {name: images.intersection_cardinality(members) for name, images in groups.items()}


def _ages(ages: _Groups, sexes: _Groups, members: BitMap) -> list[AgeGroup]:
    groups = {name: BitMap() for name in (*_DECADES, UNKNOWN)}
    for value, images in ages.items():
        decade = _DECADES[min(int(value) // 10, len(_DECADES) - 1)] if value else UNKNOWN
        groups[decade] |= images & members
    return [AgeGroup(years=name, sexes=_counts(sexes, images)) for name, images in groups.items()]


def _patients(session: Session, dataset: Dataset, members: BitMap) -> dict[str, int]:
    """Return how many patients have so many images, by groups of numbers of images."""
    query = select(PatientIndex.ranks).where(PatientIndex.dataset_id == key_of(dataset))
    blob = session.exec(query).one()
    try:
        ranks = array("I", blob)  # not by numpy, which takes far longer to import
        if sys.byteorder == "big":
            ranks.byteswap()
        images = Counter(map(ranks.__getitem__, members))
    except (ValueError, IndexError) as error:
        raise CatalogError(
            "the list of patients in the catalog is damaged; restore it from a backup"
        ) from error
    found = dict.fromkeys(_SERIES, 0)
    for number, patients in Counter(images.values()).items():
        found[next(name for name, last in _SERIES.items() if number <= last)] += patients
    return found
