"""What is owed, to whom and in which words: terms, duties and citations, and their base types."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, StringConstraints, model_validator

Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,63}$")]
Word = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,63}$")]
Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Url = Annotated[str, StringConstraints(pattern=r"""^https://[^\s<>"']+$""")]
FileName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$")]
XxhText = Annotated[str, StringConstraints(pattern=r"^xxh128:[0-9a-f]{32}$")]


class Model(BaseModel):
    """A part of a descriptor: immutable, and without a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Party(Model):
    """An organisation that provides, converts or publishes data."""

    name: Text
    url: Url | None = None
    ror: Url | None = None


class DataUse(Model):
    """A term of the Data Use Ontology (DUO) that fits what the owner says of the data."""

    code: Annotated[str, StringConstraints(pattern=r"^DUO:[0-9]{7}$")]
    label: Text

    @property
    def address(self) -> str:
        """The address by which the ontology names the term."""
        return f"http://purl.obolibrary.org/obo/{self.code.replace(':', '_')}"


Action = Literal[
    "use", "reproduce", "distribute", "derive", "modify", "present", "read", "extract", "index"
]
"""What a user may do, in the words of ODRL's vocabulary (https://www.w3.org/TR/odrl-vocab/)."""


class Terms(Model):
    """What the owner allows, in the owner's words, and for programs in terms of DUO and ODRL.

    Nothing is said for programs of what `permits` does not have: it may be allowed all the same.
    """

    licence: Annotated[str, StringConstraints(pattern=r"^(LicenseRef-)?[A-Za-z0-9.+-]+$")]
    url: Url
    title: Text
    words: Text
    source: Text
    note: Text | None = None
    duo: list[DataUse] = []
    permits: list[Action] = []


class Statement(Model):
    """A sentence about a dataset, and where the fact stands."""

    text: Text
    source: Text


class About(Model):
    """What somebody who trains on a dataset should know of it, each sentence with its source."""

    collection: list[Statement] = []
    annotation: list[Statement] = []
    limitations: list[Statement] = []
    biases: list[Statement] = []
    sensitive: list[Statement] = []
    uses: list[Statement] = []


class DutyKind(StrEnum):
    """The three ways in which a use can owe something to somebody."""

    LINK = "link"
    CITATION = "citation"
    ACKNOWLEDGEMENT = "acknowledgement"


class Duty(Model):
    """One thing that a use of the data must say."""

    id: Slug
    kind: DutyKind
    text: Text
    source: Text
    url: Url | None = None
    citation: Slug | None = None
    party: Text | None = None

    @model_validator(mode="after")
    def _has_what_its_kind_needs(self) -> Self:
        needs = {
            DutyKind.LINK: ("url", self.url),
            DutyKind.CITATION: ("citation", self.citation),
            DutyKind.ACKNOWLEDGEMENT: ("party", self.party),
        }
        key, value = needs[self.kind]
        if value is None:
            raise ValueError(f"a duty of kind {self.kind} needs the key {key!r}")
        if self.party is not None and self.party not in self.text:
            raise ValueError(f"the text of this acknowledgement does not name {self.party!r}")
        return self


class PersonName(Model):
    """A person as CSL writes one."""

    family: Text
    given: Text


class CslDate(Model):
    """A date as CSL writes one: a list with one list of year, month, day."""

    date_parts: Annotated[
        list[Annotated[list[int], Field(min_length=1, max_length=3)]],
        Field(alias="date-parts", min_length=1, max_length=1),
    ]

    @property
    def year(self) -> int:
        """The year alone."""
        return self.date_parts[0][0]


class Citation(Model):
    """One work as a CSL record, and the form in which its owners word it."""

    id: Slug
    type: Literal["paper-conference", "article-journal", "article", "dataset", "report"]
    title: Text
    author: Annotated[list[PersonName], Field(min_length=1)]
    issued: CslDate
    container_title: Annotated[Text | None, Field(alias="container-title")] = None
    volume: Text | None = None
    issue: Text | None = None
    page: Annotated[str | None, StringConstraints(pattern=r"^[0-9]+(-[0-9]+)?$")] = None
    publisher: Text | None = None
    doi: Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$"), Field(alias="DOI")]
    arxiv: Annotated[str | None, StringConstraints(pattern=r"^\d{4}\.\d{4,5}$")] = None
    as_worded: Text | None = None
    other_pages: list[Text] = []

    def csl(self) -> dict[str, Any]:
        """Return the record as CSL-JSON, without the keys that are ours alone."""
        ours = {"arxiv", "as_worded", "other_pages"}
        return self.model_dump(by_alias=True, exclude=ours, exclude_none=True)
