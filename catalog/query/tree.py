"""A question as a small tree of immutable nodes, and what it reads.

Logic has two values: a comparison with something that is not stated is false, so its ``not`` is
true.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

Scalar = str | int | float
State = Literal["present", "absent", "uncertain"]


@dataclass(frozen=True, slots=True)
class Everything:
    """Every image: ``true``."""


@dataclass(frozen=True, slots=True)
class FindingIs:
    """The images of which a label set says that a finding is in a state."""

    labels: str
    finding: str
    state: State


@dataclass(frozen=True, slots=True)
class Labelled:
    """The images that a label set speaks of."""

    labels: str


@dataclass(frozen=True, slots=True)
class Boxed:
    """The images with a box, around one finding or any."""

    finding: str | None


@dataclass(frozen=True, slots=True)
class OneOf:
    """The images whose column has one of the values, which are sorted and differ."""

    column: str
    values: tuple[Scalar, ...]


@dataclass(frozen=True, slots=True)
class Range:
    """The images whose column lies between two bounds; None is no bound, open leaves it out."""

    column: str
    low: float | None = None
    high: float | None = None
    low_open: bool = False
    high_open: bool = False


@dataclass(frozen=True, slots=True)
class Missing:
    """The images of which a column says nothing."""

    column: str


@dataclass(frozen=True, slots=True)
class FindingCount:
    """The images of which a label set states so many findings present; None is no bound."""

    labels: str
    low: int | None
    high: int | None


@dataclass(frozen=True, slots=True)
class InSubset:
    """The members of a version of a subset."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class Not:
    """The images that the other node leaves out."""

    child: Node


@dataclass(frozen=True, slots=True)
class And:
    """The images of all children."""

    children: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """The images of any child."""

    children: tuple[Node, ...]


Node = (
    Everything
    | FindingIs
    | Labelled
    | Boxed
    | OneOf
    | Range
    | Missing
    | FindingCount
    | InSubset
    | Not
    | And
    | Or
)


@dataclass(frozen=True, slots=True)
class Read:
    """Something that a question reads, and the word by which it does."""

    kind: Literal["labels", "boxes", "split", "subset"]
    name: str
    word: str


def conditions(node: Node) -> tuple[Node, ...]:
    """Return the conditions that must all hold, in the order in which they were written."""
    if isinstance(node, And):
        return tuple(each for child in node.children for each in conditions(child))
    return (node,)


def leaves(node: Node) -> Iterator[Node]:
    """Yield the nodes that have no children, in the order in which they were written."""
    if isinstance(node, Not):
        yield from leaves(node.child)
    elif isinstance(node, And | Or):
        for child in node.children:
            yield from leaves(child)
    else:
        yield node


def reads(node: Node) -> tuple[Read, ...]:
    """Return what a question reads beside the plain columns, each once, in the order written."""
    from .normal import spell

    found: dict[Read, None] = {}
    for leaf in leaves(node):
        word = spell(leaf)
        match leaf:
            case FindingIs(labels) | Labelled(labels) | FindingCount(labels):
                found[Read("labels", labels, word)] = None
            case Boxed():
                found[Read("boxes", "boxes", word)] = None
            case OneOf("split") | Missing("split"):
                found[Read("split", "split", word)] = None
            case InSubset(name, version):
                found[Read("subset", f"{name}@{version}", word)] = None
            case _:
                pass
    return tuple(found)
