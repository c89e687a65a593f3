"""What is found out about files, step by step, in releases that name their images alike."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from pyroaring import BitMap

from .names import Naming
from .report import How


@dataclass(slots=True)
class Answer:
    """What was found in releases that name images alike; items by their place in the list."""

    naming: Naming
    matched: dict[int, tuple[int, How, int | None]] = field(default_factory=dict)
    unsure: dict[int, tuple[tuple[int, ...], How]] = field(default_factory=dict)
    contradicted: dict[int, int] = field(default_factory=dict)  # the image that the name says

    def note(self, place: int, ordinal: int, how: How, bits: int | None = None) -> None:
        """Note what a file's contents are, which outweighs what its name says."""
        named = self.matched.get(place)
        if named is not None and named[0] != ordinal:
            self.contradicted.setdefault(place, named[0])
        if named is None or named[0] != ordinal:
            self.matched[place] = (ordinal, how, bits)
        self.unsure.pop(place, None)

    def doubt(self, place: int, ordinals: Iterable[int], how: How) -> None:
        """Note that a file may be one of several images, unless it is known which."""
        if place not in self.matched:
            self.unsure[place] = (tuple(ordinals), how)

    @property
    def members(self) -> BitMap:
        """Return the images that were recognised."""
        return BitMap(ordinal for ordinal, _, _ in self.matched.values())
