"""By what a dataset is recognised in other people's texts, and by which words its duties are met.

All of it is data of a descriptor; the code that reads texts knows no dataset. Spellings are written
as people write them: case, spaces, hyphens, underscores, markup and line breaks do not matter.
"""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from .terms import Citation, Duty, Model, Slug, Text


class WorkSigns(Model):
    """By what a work is known beside its title, its DOI and its number at arXiv.

    `names` are short names of the work, `venues` what its container is called, `urls` pages that
    are about it alone, `titles` other titles it goes by. A work that is `shared` describes other
    datasets too, so that citing it says nothing of this one.
    """

    names: list[Text] = []
    venues: list[Text] = []
    urls: list[Text] = []
    titles: list[Text] = []
    shared: bool = False


class Part(Model):
    """A part of a dataset whose use owes more than the dataset itself: labels, a conversion."""

    slug: Slug
    owes: list[Slug]
    names: list[Text] = []
    urls: list[Text] = []
    files: list[Text] = []


class Recognise(Model):
    """The signs of a dataset, and of the words that meet its duties.

    `loose_names` are names that other datasets nearly have: they count only when none of the words
    of `unless` stands beside them. `vague_names` say too little by themselves: they count where one
    of the words of `context` stands in the text, and none of `unless`. `folders` are parts of paths
    that other data may have too: they count where none of `unless` stands in the text. `givers` are
    names of those who gave the data: who credits them in such a text uses the data. `together` are
    names of files or columns that mean the dataset when all of a list are named. `papers` are names
    of files that the owner gives with the data: what they say is the owner's word, not that of a
    project that keeps a copy. `urls` are pages and identifiers that offer the data, mirrors
    included.
    `links`, `parties` and `credits` belong to a duty: the addresses that are the one it asks for,
    the names of the party, and the only words that credit it, where not every credit will do.
    """

    names: list[Text] = []
    loose_names: list[Text] = []
    unless: list[Text] = []
    vague_names: list[Text] = []
    givers: list[Text] = []
    context: list[Text] = []
    loaders: list[Text] = []
    buckets: list[Text] = []
    urls: list[Text] = []
    files: list[Text] = []
    folders: list[Text] = []
    papers: list[Text] = []
    together: list[Annotated[list[Text], Field(min_length=2)]] = []
    parts: list[Part] = []
    links: dict[Slug, list[Text]] = {}
    parties: dict[Slug, list[Text]] = {}
    credits: dict[Slug, list[Text]] = {}
    works: dict[Slug, WorkSigns] = {}

    def unknown(self, duties: set[str], citations: set[str]) -> list[str]:
        """Return what is referred to and is not there."""
        named = {*self.links, *self.parties, *self.credits}
        named |= {duty for part in self.parts for duty in part.owes}
        return sorted((named - duties) | (set(self.works) - citations))


class Derived(Model):
    """A dataset made from others: who uses it owes what they owe, and perhaps a citation more."""

    slug: Slug
    title: Text
    of: Annotated[list[Slug], Field(min_length=1)]
    note: Text | None = None
    owes: list[Slug] = []
    duties: list[Duty] = []
    citations: list[Citation] = []
    recognise: Recognise

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        duties = {duty.id for duty in self.duties}
        works = {work.id for work in self.citations}
        cited = {duty.citation for duty in self.duties if duty.citation}
        missing = [*self.recognise.unknown(duties, works), *sorted({*self.owes} - duties)]
        missing += sorted(cited - works)
        if missing:
            raise ValueError(f"{missing[0]!r} is referred to and is not described")
        return self


class DerivedDatasets(Model):
    """The file that lists what was made from the datasets of one folder."""

    format: Literal["cxrcat.derived/1"]
    datasets: list[Derived]
