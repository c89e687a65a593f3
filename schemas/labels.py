"""What is said of images, and by whom: vocabularies, label sets, splits, and their files."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from .terms import FileName, Model, Slug, Text, Word

State = Literal["present", "absent", "uncertain"]


class FindingWord(Model):
    """A finding: the word of the where-language, the label in NIH-style tables, other spellings."""

    name: Word
    label: Text
    synonyms: list[Text] = []


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
            spelling.casefold(): word.name
            for word in self.words()
            for spelling in (word.name, word.label, *word.synonyms)
        }


class LabelTable(Model):
    """How the tables of a label set are written: which column says what, and by which values.

    `files` are ends of file names, since a download may put its folder's name before them.
    `image` and `reader` list spellings of one column's header; `findings` has those of each
    finding's column. A table with readers holds each one's own reading.
    """

    files: Annotated[list[FileName], Field(min_length=1)]
    image: Annotated[list[Text], Field(min_length=1)]
    reader: list[Text] = []
    findings: Annotated[dict[Word, list[Text]], Field(min_length=1)]
    values: Annotated[dict[State, list[str]], Field(min_length=1)]


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
