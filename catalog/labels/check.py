"""Check what files say against the dataset and one another, and put it together as bitmaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from pyroaring import BitMap

from ...schemas.errors import InputError
from ...schemas.labels import SplitPart, State
from ..patients import Patients
from .files import Names, Rows
from .problems import Problems, shown, some

Ordinals = Mapping[str, int]
"""The ordinal of every image of a dataset, by its name."""


@dataclass(frozen=True, slots=True)
class Said:
    """What files say together: images by finding and state, and by reader, finding and state."""

    findings: Mapping[tuple[str, str], BitMap]
    readings: Mapping[tuple[str, str, str], BitMap]
    remarks: Sequence[str]


def combine(files: Sequence[Rows], ordinals: Ordinals, dataset: str) -> Said:
    """Return what the files say together.

    Rows that repeat another and say the same are remarked on. Raises `InputError`, naming file and
    lines, for an image that is not in the dataset, and for rows that contradict each other.
    """
    known: dict[tuple[str, str | None], tuple[Rows, int, tuple[State | None, ...]]] = {}
    remarks = []
    for rows in files:
        problems = Problems(rows.file.name, rows.file.rows)
        repeated = 0
        readers: Sequence[str | None] = rows.readers or [None] * len(rows.images)
        for line, key in enumerate(zip(rows.images, readers, strict=True), 2):
            states = rows.states[line - 2]
            if key[0] not in ordinals:
                problems.add(line, f"{shown(key[0])} is not an image of {dataset}")
            elif key not in known:
                known[key] = rows, line, states
            elif known[key][2] == states:
                repeated += 1
            else:
                other, first, _ = known[key]
                place = f"line {first}" if other is rows else f"{other.file.name}:{first}"
                whose = key[0] if key[1] is None else f"{key[0]} by {key[1]}"
                problems.add(line, f"{place} says otherwise of {whose}")
        problems.refuse()
        if repeated:
            remarks.append(
                f"{rows.file.name}: rows that repeat others and say the same: {repeated:,}"
            )
    return Said(*_grouped(known, ordinals), remarks)


def _grouped(
    known: Mapping[tuple[str, str | None], tuple[Rows, int, tuple[State | None, ...]]],
    ordinals: Ordinals,
) -> tuple[dict[tuple[str, str], BitMap], dict[tuple[str, str, str], BitMap]]:
    # Rows that say the same, of which there are few kinds, are taken apart once.
    alike: dict[tuple[str | None, tuple[str, ...], tuple[State | None, ...]], list[int]]
    alike = defaultdict(list)
    for (image, reader), (rows, _, states) in known.items():
        alike[reader, rows.findings, states].append(ordinals[image])
    findings: dict[tuple[str, str], BitMap] = defaultdict(BitMap)
    readings: dict[tuple[str, str, str], BitMap] = defaultdict(BitMap)
    for (reader, names, states), members in alike.items():
        images = BitMap(members)
        for name, state in zip(names, states, strict=True):
            if state is None:
                continue
            if reader is None:
                findings[name, state] |= images
            else:
                readings[reader, name, state] |= images
    return findings, readings


def divide(
    lists: Mapping[str, Names],
    parts: Sequence[SplitPart],
    ordinals: Ordinals,
    patients: Patients,
    dataset: str,
) -> tuple[dict[str, BitMap], list[str]]:
    """Return the images of each part of a split, and remarks.

    Raises `InputError` for names that are not in the dataset, a wrong number of them, images that
    are in two parts or in none, and patients that are in two.
    """
    lines: dict[str, dict[str, int]] = {}
    remarks = []
    for part, listed in lists.items():
        lines[part] = {}
        problems = Problems(listed.file.name, listed.file.rows)
        for line, name in listed.names:
            if name not in ordinals:
                problems.add(line, f"{shown(name)} is not an image of {dataset}")
            lines[part].setdefault(name, line)
        problems.refuse()
        if repeated := len(listed.names) - len(lines[part]):
            remarks.append(f"{listed.file.name}: lines that repeat others: {repeated:,}")
    _check_apart(lists, lines)
    for spec in parts:
        file, count = lists[spec.name].file.name, len(lines[spec.name])
        if spec.images not in (None, count):
            raise InputError(
                f"{file}: names {count:,} images, {spec.images:,} are expected; fetch it again; "
                "nothing was added"
            )
    _check_whole(lines, ordinals, dataset)
    members = {part: BitMap(map(ordinals.__getitem__, names)) for part, names in lines.items()}
    _check_patients(members, ordinals, patients)
    return members, remarks


def _check_apart(lists: Mapping[str, Names], lines: Mapping[str, Mapping[str, int]]) -> None:
    known: dict[str, str] = {}
    for part, names in lines.items():
        listed = lists[part]
        problems = Problems(listed.file.name, listed.file.rows)
        for name, line in names.items():
            other = known.setdefault(name, part)
            if other != part:
                place = f"{lists[other].file.name}:{lines[other][name]}"
                problems.add(line, f"{name} is in {other!r} too ({place})")
        problems.refuse()


def _check_whole(lines: Mapping[str, Mapping[str, int]], ordinals: Ordinals, dataset: str) -> None:
    left = sorted(ordinals.keys() - {name for names in lines.values() for name in names})
    if left:
        raise InputError(
            f"images of {dataset} that are in no part of the split: {len(left):,} ({some(left)}); "
            "nothing was added"
        )


def _check_patients(members: Mapping[str, BitMap], ordinals: Ordinals, patients: Patients) -> None:
    names = sorted(ordinals, key=ordinals.__getitem__)
    for one, other in combinations(members, 2):
        ranks = [patients.ranks[np.asarray(members[part].to_array())] for part in (one, other)]
        shared, places, _ = np.intersect1d(*ranks, return_indices=True)
        if len(shared):
            images = [names[members[one][int(place)]] for place in sorted(places)]
            raise InputError(
                f"patients with images in {one!r} and in {other!r}: {len(shared):,} (those of "
                f"{some(images)}); nothing was added"
            )
