"""Which words a question may use."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["integer", "real", "text"]


@dataclass(frozen=True, slots=True)
class LabelWords:
    """A label set: its findings with their other spellings, and the states it tells apart."""

    slug: str
    findings: Mapping[str, tuple[str, ...]]
    states: frozenset[str]

    def spellings(self) -> dict[str, str]:
        """Return every accepted spelling, case-folded, with the name of the finding it means."""
        return _spellings(self.findings)


@dataclass(frozen=True, slots=True)
class Column:
    """A column of the metadata; `values` maps accepted spellings, case-folded, to stored values."""

    name: str
    kind: Kind
    values: Mapping[str, str] | None = None


@dataclass(frozen=True, slots=True)
class Vocabulary:
    """Everything that a question may speak of.

    `resolve_subset` pins the version of a subset and raises `NotFoundError`; `unavailable` maps
    words that need something first to the advice about it.
    """

    label_sets: Mapping[str, LabelWords]
    default_labels: str
    columns: Mapping[str, Column]
    boxed: Mapping[str, tuple[str, ...]]
    resolve_subset: Callable[[str, int | None], tuple[str, int]]
    unavailable: Mapping[str, str]

    def boxed_spellings(self) -> dict[str, str]:
        """Return the spellings of the findings that have boxes."""
        return _spellings(self.boxed)


def _spellings(findings: Mapping[str, tuple[str, ...]]) -> dict[str, str]:
    return {
        spelling.casefold(): name
        for name, synonyms in findings.items()
        for spelling in (name, *synonyms)
    }
