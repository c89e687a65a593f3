"""A question as a small tree of frozen nodes. Importing it needs neither sqlglot nor a catalog.

Logic is two-valued: an image is in a node's answer or it is not. A missing value satisfies no
comparison, so that the negation of a comparison includes the images whose value is missing.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

from .vocabulary import State

Value: TypeAlias = str | int | float


@dataclass(frozen=True, slots=True)
class Everything:
    """All images: ``true``."""


@dataclass(frozen=True, slots=True)
class FindingIs:
    """A label set says that a finding is in a state: ``nih.mass``, ``uncertain(expert4.mass)``."""

    labels: str
    finding: str
    state: State


@dataclass(frozen=True, slots=True)
class Labelled:
    """A label set speaks of the image at all: ``labelled(expert4)``."""

    labels: str


@dataclass(frozen=True, slots=True)
class Boxed:
    """A box was drawn around the finding, or around any: ``boxed(nodule)``, ``boxed()``."""

    finding: str | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """A column has one of the values, which are sorted: ``view = 'PA'``, ``age in (1, 2)``."""

    column: str
    values: tuple[Value, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """A column lies between two bounds, None for no bound: ``age between 18 and 65``.

    Bounds belong to the range unless they are open; integer columns have no open bounds.
    """

    column: str
    low: float | None
    high: float | None
    low_open: bool = False
    high_open: bool = False

    def __contains__(self, value: object) -> bool:
        """Return whether the number lies between the bounds."""
        if not isinstance(value, int | float):
            return False
        if self.low is not None and (value < self.low or (self.low_open and value == self.low)):
            return False
        return self.high is None or value < self.high or (value == self.high and not self.high_open)


@dataclass(frozen=True, slots=True)
class Missing:
    """Nothing is known for the column: ``age is null``."""

    column: str


@dataclass(frozen=True, slots=True)
class FindingCount:
    """A label set states so many findings present: ``nih.findings >= 2``."""

    labels: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class InSubset:
    """The image is a member of one version of a subset: ``in_subset('holdout@2')``."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Not:
    """The images that the child does not hold for."""

    child: Node


@dataclass(frozen=True, slots=True)
class And:
    """The images that all children hold for, in the order written."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """The images that any child holds for, in the order written."""

    children: tuple[Node, ...]


Leaf: TypeAlias = (
    Everything | FindingIs | Labelled | Boxed | OneOf | Range | Missing | FindingCount | InSubset
)
Node: TypeAlias = Leaf | Not | And | Or

TRUE = Everything()
FALSE = Not(TRUE)


def conditions(node: Node) -> tuple[Node, ...]:
    """Return the conditions that the top level joins with ``and``, in the order written.

    A group in parentheses is one condition.
    """
    return node.children if isinstance(node, And) else (node,)


def leaves(node: Node) -> Iterator[Leaf]:
    """Yield every leaf, in the order written."""
    if isinstance(node, Not):
        yield from leaves(node.child)
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def depth(node: Node) -> int:
    """Return how many nodes stand above the deepest leaf."""
    if isinstance(node, Not):
        return 1 + depth(node.child)
    if isinstance(node, And | Or):
        return 1 + max(depth(child) for child in node.children)
    return 0
