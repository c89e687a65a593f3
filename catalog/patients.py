"""The patient of every image of a dataset, as one array, to count patients quickly."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from pyroaring import BitMap

from .bitmaps import ordinals


class Patients:
    """The patient of every image: ranks, shape (images,), dtype uint32, by ordinal."""

    def __init__(self, blob: bytes) -> None:
        self.ranks = np.frombuffer(blob, dtype="<u4")

    @staticmethod
    def dump(patients: Sequence[str]) -> tuple[bytes, int]:
        """Return the blob of the patients in the order of the ordinals, and how many there are."""
        rank = {patient: number for number, patient in enumerate(dict.fromkeys(patients))}
        ranks = np.fromiter(map(rank.__getitem__, patients), dtype="<u4", count=len(patients))
        return ranks.tobytes(), len(rank)

    def count(self, members: BitMap) -> int:
        """Return how many patients the images are of."""
        if not members:
            return 0
        seen = np.zeros(int(self.ranks.max()) + 1, dtype=bool)
        seen[self.ranks[np.frombuffer(ordinals(members), dtype=np.uint32)]] = True
        return int(np.count_nonzero(seen))


def spellings(patient: str) -> set[str]:
    """Return how a patient may be recorded: as given, and as a number without leading zeros."""
    if patient.isascii() and patient.isdigit():
        return {patient, patient.lstrip("0") or "0"}
    return {patient}
