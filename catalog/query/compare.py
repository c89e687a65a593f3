"""Where two label sets say the same of a finding, or not the same, in terms of other nodes."""

from __future__ import annotations

from collections.abc import Mapping

from .tree import And, FindingIs, Labelled, Node, Not, Or
from .vocabulary import LabelWords, State

_STATES: tuple[State, ...] = ("present", "absent", "uncertain")


def stated(labels: LabelWords, finding: str) -> dict[State, Node]:
    """Return the condition of each state in which a label set can say that a finding is.

    A set that never says "absent" is taken to deny what it does not state, where it speaks of the
    image at all.
    """
    said: dict[State, Node] = {
        state: FindingIs(labels.slug, finding, state) for state in _STATES if state in labels.states
    }
    if "absent" not in said:
        said["absent"] = And((Labelled(labels.slug), *map(Not, said.values())))
    return said


def agreement(one: Mapping[State, Node], other: Mapping[State, Node]) -> Node:
    """Return the images of which both state the same."""
    both = [state for state in _STATES if state in one and state in other]
    return Or(tuple(And((one[state], other[state])) for state in both))


def disagreement(one: Mapping[State, Node], other: Mapping[State, Node]) -> Node:
    """Return the images of which both state something, and not the same."""
    return Or(
        tuple(
            And((condition, other[state]))
            for mine, condition in one.items()
            for state in other
            if state != mine
        )
    )
