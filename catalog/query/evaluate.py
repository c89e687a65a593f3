"""Answer a question: every leaf is a bitmap, and the logic is done on bitmaps."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import reduce
from typing import Protocol, assert_never

from pyroaring import BitMap

from .spelling import spell
from .tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Missing,
    Node,
    Not,
    OneOf,
    Or,
    Range,
    Value,
    conditions,
)


class Index(Protocol):
    """What answers the leaves; the bitmaps it returns are never changed."""

    def universe(self) -> BitMap:
        """Return every image."""
        ...

    def finding(self, labels: str, finding: str, state: str) -> BitMap:
        """Return the images of which the label set says so."""
        ...

    def labelled(self, labels: str) -> BitMap:
        """Return the images that the label set speaks of."""
        ...

    def boxed(self, finding: str | None) -> BitMap:
        """Return the images with a box, around one finding or any."""
        ...

    def one_of(self, column: str, values: Sequence[Value]) -> BitMap:
        """Return the images whose column has one of the values."""
        ...

    def range(
        self, column: str, low: float | None, high: float | None, low_open: bool, high_open: bool
    ) -> BitMap:
        """Return the images whose column lies between the bounds."""
        ...

    def missing(self, column: str) -> BitMap:
        """Return the images of which the column says nothing."""
        ...

    def count(self, labels: str, low: int | None, high: int | None) -> BitMap:
        """Return the images of which the label set states so many findings present."""
        ...

    def subset(self, name: str, version: int) -> BitMap:
        """Return the members of a version of a subset."""
        ...


def evaluate(node: Node, index: Index) -> BitMap:
    """Return the ordinals of the images that answer the question."""
    match node:
        case Everything():
            return index.universe()
        case FindingIs(labels, finding, state):
            return index.finding(labels, finding, state)
        case Labelled(labels):
            return index.labelled(labels)
        case Boxed(finding):
            return index.boxed(finding)
        case OneOf(column, values):
            return index.one_of(column, values)
        case Range(column, low, high, low_open, high_open):
            return index.range(column, low, high, low_open, high_open)
        case Missing(column):
            return index.missing(column)
        case FindingCount(labels, low, high):
            return index.count(labels, low, high)
        case InSubset(name, version):
            return index.subset(name, version)
        case Not(child):
            return index.universe() - evaluate(child, index)
        case And(children):
            found = sorted((evaluate(child, index) for child in children), key=len)
            return reduce(BitMap.__and__, found)
        case Or(children):
            return BitMap.union(*(evaluate(child, index) for child in children))
        case _:
            assert_never(node)


def funnel(node: Node, index: Index) -> Iterator[tuple[str, BitMap]]:
    """Yield each condition that must hold, as spelled, with the images left after it."""
    left = index.universe()
    for condition in conditions(node):
        left = left & evaluate(condition, index)
        yield spell(condition), left
