"""What a question reads, so that the duties follow its use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias, assert_never

from .spelling import spell
from .tree import (
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Leaf,
    Missing,
    Node,
    OneOf,
    Range,
    leaves,
)

ReadKind: TypeAlias = Literal["labels", "boxes", "split", "subset"]


@dataclass(frozen=True, slots=True)
class Read:
    """Something that a question read, and the word that read it, as it is spelled.

    The name is a label set's slug, the finding of boxes (empty for any), ``split``, or a subset
    with its version (``holdout@2``).
    """

    kind: ReadKind
    name: str
    word: str


def reads(node: Node) -> tuple[Read, ...]:
    """Return all that the question reads, each word once, in the order written.

    Columns of the images read nothing of their own, except ``split``.
    """
    found: dict[Read, None] = {}
    for leaf in leaves(node):
        what = _read(leaf)
        if what is not None:
            found.setdefault(Read(*what, spell(leaf)))
    return tuple(found)


def _read(leaf: Leaf) -> tuple[ReadKind, str] | None:
    match leaf:
        case FindingIs(labels=labels) | Labelled(labels=labels) | FindingCount(labels=labels):
            return "labels", labels
        case Boxed(finding=finding):
            return "boxes", finding or ""
        case InSubset(name=name, version=version):
            return "subset", f"{name}@{version}"
        case OneOf(column=column) | Range(column=column) | Missing(column=column):
            return ("split", column) if column == "split" else None
        case Everything():
            return None
        case _:
            assert_never(leaf)
