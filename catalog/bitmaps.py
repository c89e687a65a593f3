"""Roaring bitmaps over ordinals: to and from the catalog's blobs, and their digests."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import xxhash
from numpy.typing import NDArray
from pyroaring import BitMap

from ..schemas.checksum import Checksum
from ..schemas.errors import CatalogError


def dump(members: BitMap) -> bytes:
    """Return the portable serialisation, run-compressed so that equal sets have equal bytes."""
    compact = members.copy()
    compact.run_optimize()
    return compact.serialize()


def load(blob: bytes) -> BitMap:
    """Return the set of a blob; raise `CatalogError` when the blob is damaged."""
    try:
        return BitMap.deserialize(blob)
    except (ValueError, AssertionError, RuntimeError) as error:
        raise CatalogError(
            "a bitmap of the catalog is damaged; restore it from a backup"
        ) from error


def digest(members: BitMap) -> Checksum:
    """Return the XXH3-128 of the ordinals, ascending, as little-endian uint32.

    It depends on the set alone: not on how it is stored, nor on the release of any library.
    """
    return Checksum("xxh128", xxhash.xxh3_128_hexdigest(ordinals(members).astype("<u4").data))


def ordinals(members: BitMap) -> NDArray[np.uint32]:
    """Return the members in ascending order, shape (n,)."""
    return np.frombuffer(members.to_array(), dtype=np.uint32)


class Patients:
    """The patient of every image: ranks, shape (images,), dtype uint32, by ordinal."""

    def __init__(self, blob: bytes) -> None:
        self.ranks = np.frombuffer(blob, dtype="<u4")

    @staticmethod
    def dump(patients: Iterable[str]) -> tuple[bytes, int]:
        """Return the blob of the patients in the order of the ordinals, and how many there are."""
        rank: dict[str, int] = {}
        ranks = [rank.setdefault(patient, len(rank)) for patient in patients]
        return np.array(ranks, dtype="<u4").tobytes(), len(rank)

    def count(self, members: BitMap) -> int:
        """Return how many patients the images are of."""
        if not members:
            return 0
        seen = np.zeros(int(self.ranks.max()) + 1, dtype=bool)
        seen[self.ranks[ordinals(members)]] = True
        return int(np.count_nonzero(seen))
