"""Roaring bitmaps over ordinals: to and from the catalog's blobs, and their digests."""

from __future__ import annotations

import sys
from array import array

import xxhash
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
    except (ValueError, IndexError, AssertionError, RuntimeError) as error:
        raise CatalogError(
            "a bitmap of the catalog is damaged; restore it from a backup"
        ) from error


def digest(members: BitMap) -> Checksum:
    """Return the XXH3-128 of the ordinals, ascending, as little-endian uint32.

    It depends on the set alone: not on how it is stored, nor on the release of any library.
    """
    every = ordinals(members)
    if sys.byteorder == "big":
        every.byteswap()
    return Checksum("xxh128", xxhash.xxh3_128_hexdigest(every))


def ordinals(members: BitMap) -> array[int]:
    """Return the members in ascending order, as uint32."""
    return members.to_array()
