"""What a transfer will cost whoever pays for it, and the caps that nothing may go beyond."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from dataclasses import dataclass

from ...schemas.descriptor import Prices
from ...schemas.errors import SourceError
from .base import Found

_GIB = 1 << 30


@dataclass(frozen=True, slots=True)
class Limits:
    """The caps that a user sets, in US dollars and bytes; `per_gib` is a price of the user."""

    max_cost: float | None = None
    max_bytes: int | None = None
    per_gib: float | None = None


@dataclass(frozen=True, slots=True)
class Estimate:
    """What a transfer will take: objects, bytes, and US dollars at the prices of a day.

    `cost` is None where no price is known, `as_of` None for a price of the user's own. `paid_by` is
    the project that pays.
    """

    place: str
    objects: int
    size: int
    cost: float | None
    as_of: str | None
    paid_by: str

    def words(self) -> str:
        """Return the estimate as one line."""
        text = f"{self.objects:,} objects, {self.size:,} bytes from {self.place}"
        if self.cost is not None:
            day = f"the prices of {self.as_of}" if self.as_of else "your own price"
            text += f", about US${self.cost:,.2f} at {day}"
        return f"{text}, billed to the project {self.paid_by}"


def estimate(
    place: str, found: Iterable[Found], prices: Prices | None, limits: Limits, paid_by: str
) -> Estimate:
    """Return what it takes to fetch the images, at an owner's prices or the user's own."""
    sizes = [each.size or 0 for each in found]
    size = sum(sizes)
    per_gib = limits.per_gib
    if per_gib is None and prices is not None:
        per_gib = prices.per_gib
    if per_gib is None:
        return Estimate(place, len(sizes), size, None, None, paid_by)
    operations = len(sizes) * (prices.per_10000_reads if prices else 0) / 10_000
    as_of = prices.as_of if prices and limits.per_gib is None else None
    return Estimate(place, len(sizes), size, size / _GIB * per_gib + operations, as_of, paid_by)


def check(wanted: Estimate, limits: Limits) -> None:
    """Raise `SourceError` when a transfer would go beyond a cap."""
    if limits.max_bytes is not None and wanted.size > limits.max_bytes:
        raise SourceError(
            f"{wanted.words()}: that is more than --max-bytes {limits.max_bytes:,}; "
            "nothing was fetched"
        )
    if limits.max_cost is not None:
        if wanted.cost is None:
            raise SourceError(
                f"{wanted.place}: no price is known, so --max-cost cannot be kept; "
                "give one with --price-per-gib; nothing was fetched"
            )
        if wanted.cost > limits.max_cost:
            raise SourceError(
                f"{wanted.words()}: that is more than --max-cost {limits.max_cost:g}; "
                "nothing was fetched"
            )


class Meter:
    """Counts the bytes that come, those of repeated attempts too, and stops at a number of them."""

    def __init__(self, most: int | None) -> None:
        self._most = most
        self._lock = threading.Lock()
        self.size = 0

    def add(self, size: int) -> None:
        """Count bytes; raise `SourceError` when they are too many."""
        with self._lock:
            self.size += size
            if self._most is not None and self.size > self._most:
                raise SourceError(
                    f"{self.size:,} bytes have come with all repetitions, which is more than "
                    f"--max-bytes {self._most:,}; the rest was not fetched"
                )
