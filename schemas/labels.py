"""What is said of images, and by whom: vocabularies, label sets, splits, and their files."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .terms import Citation, Duty, DutyKind, FileName, Model, Slug, Text, Word, XxhText

State = Literal["present", "absent", "uncertain"]

SPLIT = "split"
"""The name of the split lists among the label sets, and of the column that they give."""


class FindingWord(Model):
    """A finding: the word of the where-language, the label in NIH-style tables, other spellings.

    `counts` is false for a word that sums others up or says that nothing was found: such a word is
    none of the findings that ``findings >= 2`` counts.
    """

    name: Word
    label: Text
    synonyms: list[Text] = []
    counts: bool = True

    def spellings(self) -> tuple[str, ...]:
        """Return the name, the label and the synonyms, as written."""
        return self.name, self.label, *self.synonyms


class Vocabulary(Model):
    """The findings of a dataset, and the word for a reading that found none of them."""

    findings: Annotated[list[FindingWord], Field(min_length=1)]
    no_finding: FindingWord | None = None

    def words(self) -> list[FindingWord]:
        """Every finding, the empty reading last."""
        return [*self.findings, *([self.no_finding] if self.no_finding else [])]

    def spellings(self) -> dict[str, str]:
        """Return every accepted spelling, case-folded, with the name of the finding it means."""
        return {
            spelling.casefold(): word.name for word in self.words() for spelling in word.spellings()
        }


class LabelTable(Model):
    """How the tables of a label set are written: which column says what, and by which values.

    `files` are ends of file names, since a download may put its folder's name before them.
    `image` and `reader` list spellings of one column's header. Every finding of the set has a
    column, which is headed by its label or another of its spellings. Values and headers are
    compared without regard to case; an empty cell says nothing where `unstated` allows it. A table
    with readers holds each one's own reading.
    """

    files: Annotated[list[FileName], Field(min_length=1)]
    image: Annotated[list[Text], Field(min_length=1)]
    reader: list[Text] = []
    values: Annotated[dict[State, list[Text]], Field(min_length=1)]
    unstated: list[str] = []

    @model_validator(mode="after")
    def _values_differ(self) -> Self:
        cells = [cell for every in self.values.values() for cell in every]
        _once("values", map(str.casefold, [*cells, *self.unstated]))
        return self

    def states(self) -> dict[str, State | None]:
        """Return every value, case-folded, with the state that it means; None says nothing."""
        said: dict[str, State | None] = {cell.strip().casefold(): None for cell in self.unstated}
        for state, cells in self.values.items():
            said.update(dict.fromkeys(map(str.casefold, cells), state))
        return said


class LabelSetSpec(Model):
    """Who said what of the images, and what its use owes.

    `findings` are the words of a set that has its own; without them it uses the dataset's. `tables`
    say how the files of a set are written that does not ship with the dataset, `access` how to come
    by them.
    """

    slug: Word
    title: Text
    method: Text
    states: Annotated[list[State], Field(min_length=1)]
    owes: list[Slug] = []
    findings: list[FindingWord] = []
    tables: list[LabelTable] = []
    access: Text | None = None

    @model_validator(mode="after")
    def _parts_agree(self) -> Self:
        if self.slug == SPLIT:
            raise ValueError(f"{SPLIT!r} is the name of the split lists; take another slug")
        if "present" not in self.states:
            raise ValueError("a label set says at least that a finding is 'present'")
        _once("findings", (each for word in self.findings for each in _folded(word)))
        _once("files", (file.casefold() for table in self.tables for file in table.files))
        for state in (state for table in self.tables for state in table.values):
            if state not in self.states:
                raise ValueError(f"a table says {state!r}, which is not in 'states'")
        return self


class SplitPart(Model):
    """A part of a split: its name, the list of its images, and how many there should be."""

    name: Word
    file: FileName
    images: int | None = None


class SplitSpec(Model):
    """A division of the images that is published as lists of their names."""

    slug: Literal["split"]
    title: Text
    parts: Annotated[list[SplitPart], Field(min_length=2)]
    access: Text | None = None
    owes: list[Slug] = []

    @model_validator(mode="after")
    def _parts_differ(self) -> Self:
        _once("parts", (part.name for part in self.parts))
        _once("parts", (part.file.casefold() for part in self.parts))
        return self


class LabelMapping(Model):
    """A label set that others made of a dataset's images: its tables, and what its use owes.

    Its duties and citations are its own; at least one paper is cited whenever the set is used.
    """

    format: Literal["cxrcat.labels/1"]
    dataset: Slug
    labels: LabelSetSpec
    duties: Annotated[list[Duty], Field(min_length=1)]
    citations: Annotated[list[Citation], Field(min_length=1)]

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        """Check that names are unique, that references have their target, that a work is cited."""
        if not self.labels.tables:
            raise ValueError("the label set has no 'tables', so its files cannot be read")
        duties = {duty.id: duty for duty in self.duties}
        _once("duties", (duty.id for duty in self.duties))
        _once("citations", (citation.id for citation in self.citations))
        for name in self.labels.owes:
            if name not in duties:
                raise ValueError(f"{name!r} is owed and is not in 'duties'")
        cited = {duty.citation for duty in self.duties if duty.citation is not None}
        for name in sorted(cited - {citation.id for citation in self.citations}):
            raise ValueError(f"{name!r} is cited and is not in 'citations'")
        if all(duties[name].kind is not DutyKind.CITATION for name in self.labels.owes):
            raise ValueError("the label set owes no citation; name such a duty in 'owes'")
        return self


class LabelFile(Model):
    """A file that a label set or a split was read from: its name, its checksum and its rows."""

    name: Text
    checksum: XxhText
    rows: int


class Brought(Model):
    """What the catalog keeps of a label set that was brought along (as JSON in `LabelSet.spec`)."""

    files: list[LabelFile]
    mapping: LabelMapping | None = None


def _folded(word: FindingWord) -> set[str]:
    return {spelling.casefold() for spelling in word.spellings()}


def _once(key: str, names: Iterable[str]) -> None:
    for name, times in Counter(names).items():
        if times > 1:
            raise ValueError(f"{name!r} is there twice in {key!r}")
