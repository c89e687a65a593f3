"""The words that a question may use: they come from the dataset, not from the language."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

State = Literal["present", "absent", "uncertain"]
Kind = Literal["integer", "real", "text"]


@dataclass(frozen=True, slots=True)
class LabelWords:
    """The findings of one label set, with their synonyms, and the states that it distinguishes."""

    slug: str
    findings: Mapping[str, tuple[str, ...]]
    states: frozenset[State]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the images.

    ``values`` maps each accepted spelling, case-folded, to the value that is stored; None means
    that any value may be asked for.
    """

    name: str
    kind: Kind
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Every word of one dataset's release.

    ``boxed`` maps the findings that have boxes to their synonyms. ``resolve_subset`` takes a name
    and a version, None for the latest, returns both as they are recorded, and raises
    `NotFoundError`. ``unavailable`` maps words that exist but need something first to the advice
    that a question with them is answered with.
    """

    label_sets: Mapping[str, LabelWords]
    default_labels: str
    columns: Mapping[str, Column]
    boxed: Mapping[str, tuple[str, ...]]
    resolve_subset: Callable[[str, int | None], tuple[str, int]]
    unavailable: Mapping[str, str] = field(default_factory=dict)


def folded(findings: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    """Return every spelling of the findings, case-folded, with the canonical name it stands for."""
    spellings = {name.casefold(): name for name in findings}
    for name, synonyms in findings.items():
        for synonym in synonyms:
            spellings.setdefault(synonym.casefold(), name)
    return spellings
