"""Lots: a number for every image and patient, drawn from its name and a seed.

They decide samples and splits. Since nothing but the name and the seed goes into a lot, it is the
same on every machine, and stays what it is when the dataset or a subset grows.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, TypeAlias

import numpy as np
import numpy.typing as npt
import xxhash

By: TypeAlias = Literal["image", "patient"]
Lots: TypeAlias = npt.NDArray[np.uint64]

RANGE = 1 << 64
"""A lot is at least 0 and less than this."""


def of_names(names: Iterable[str]) -> Lots:
    """Return the XXH3-64 of each name, shape (names,): what `shuffled` starts from."""
    return np.fromiter((xxhash.xxh3_64_intdigest(name.encode()) for name in names), dtype=np.uint64)


def shuffled(lots: Lots, key: str) -> Lots:
    """Return the lots anew for a key: those of two keys have nothing to do with each other.

    The numbers are mixed as SplitMix64 does (Steele, Lea, Flood: Fast splittable pseudorandom
    number generators, OOPSLA 2014, doi 10.1145/2660193.2660195).
    """
    state = np.uint64(xxhash.xxh3_64_intdigest(key.encode()))
    with np.errstate(over="ignore"):
        mixed = (lots ^ state) + np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return mixed ^ (mixed >> np.uint64(31))


def smallest(lots: Lots, count: int) -> npt.NDArray[np.intp]:
    """Return the places of the `count` smallest lots, ascending; equal lots go by their place."""
    if count >= len(lots):
        return np.arange(len(lots))
    bound = np.partition(lots, count)[count]
    below = np.flatnonzero(lots < bound)
    at_bound = np.flatnonzero(lots == bound)[: count - len(below)]
    return np.sort(np.concatenate([below, at_bound]))
