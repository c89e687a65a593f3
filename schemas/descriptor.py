"""The descriptor of a dataset: everything that is known of it, stated as data in one YAML file.

`Descriptor` is the validated model; `yaml_reader` reads the file and says where it is wrong.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import Annotated, Literal, Self

from pydantic import Field, StringConstraints, model_validator

from .labels import FindingWord, LabelSetSpec, SplitSpec, Vocabulary
from .recognise import Recognise
from .terms import (
    About,
    Citation,
    Duty,
    FileName,
    Model,
    Party,
    Slug,
    Terms,
    Text,
    Url,
    Word,
    XxhText,
)

AgeNotation = Literal["years", "units"]

ArchiveUrl = Annotated[
    str,
    StringConstraints(
        pattern=r"""^(https://|http://(127\.0\.0\.1|localhost|\[::1\])(:\d+)?/)[^\s<>"']+$"""
    ),
]

_FIELD = re.compile(r"\{([^{}]*)\}")


class Columns(Model):
    """Which column of the metadata table holds what; a list names spellings seen in copies."""

    name: list[Text]
    findings: list[Text]
    patient: list[Text]
    follow_up: list[Text] = []
    age: list[Text] = []
    sex: list[Text] = []
    view: list[Text] = []
    width: list[Text] = []
    height: list[Text] = []
    spacing_x: list[Text] = []
    spacing_y: list[Text] = []


class Table(Model):
    """A metadata table and how its cells are written.

    Patients that are numbers lose their leading zeros, which only some releases write. `ages` says
    how ages are written, ``years`` (58) or ``units`` (058Y, 011M, 001D), and `oldest` is the
    highest, in years: releases whose columns are alike are told apart by them.
    """

    file: FileName
    checksum: XxhText | None = None
    columns: Columns
    separator: Annotated[str, StringConstraints(min_length=1, max_length=1)] = "|"
    labels: Word
    patient: Literal["number", "text"] = "text"
    values: dict[Literal["sex", "view"], dict[str, str]] = {}
    ages: AgeNotation | None = None
    oldest: Annotated[int, Field(ge=0)] | None = None


class Version(Model):
    """A release of the dataset.

    The table of one that does not ship lies beside no descriptor; `access` says how to come by it.
    """

    version: Slug
    title: Text
    released: Text
    note: Text | None = None
    images: int | None = None
    patients: int | None = None
    ships: bool = True
    access: Text | None = None
    table: Table

    @model_validator(mode="after")
    def _can_be_had(self) -> Self:
        if not self.ships and self.access is None:
            raise ValueError("a release that does not ship needs the key 'access'")
        return self


class BoxTable(Model):
    """A table of rectangles that readers drew around findings."""

    slug: Word
    title: Text
    file: FileName
    checksum: XxhText | None = None
    name: Text
    finding: Text
    first_coordinate: Text
    frame: tuple[int, int]
    owes: list[Slug] = []


class SourceKind(StrEnum):
    """The ways in which images can be reached."""

    ARCHIVES = "archives"
    GCS = "gcs"
    DICOMWEB = "dicomweb"
    BIGQUERY = "bigquery"


class Archive(Model):
    """One archive of a source, with the checksum that its owner publishes.

    Its address may be one on this machine without encryption: a mirror, or a server for tests.
    """

    file: FileName
    url: ArchiveUrl
    size: int
    md5: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Prices(Model):
    """What an owner's service bills for a transfer to the internet, in US dollars on a day."""

    per_gib: Annotated[float, Field(ge=0)]
    per_10000_reads: Annotated[float, Field(ge=0)]
    as_of: Text
    source: Text


Fact = Literal["name", "stem", "patient", "follow_up", "age", "sex", "view", "findings"]
"""What the catalog knows of an image that an attribute or a column elsewhere may say too."""


class SourceSpec(Model):
    """One place where the dataset's images are.

    `uri` is a template with `{name}` (``00000001_000.png``) and `{stem}` (without the suffix).
    `attributes` says, for each DICOM keyword that the source's instances or tables have, which fact
    stands there; one that is a ``name`` or a ``stem`` identifies an image by itself.
    """

    slug: Slug
    kind: SourceKind
    title: Text
    provider: Text
    uri: Text
    media_type: Literal["image/png", "application/dicom", "application/gzip"] | None = None
    requester_pays: bool = False
    prices: Prices | None = None
    access: Text | None = None
    owes: list[Slug] = []
    archives: list[Archive] = []
    attributes: dict[Text, Fact] = {}

    @model_validator(mode="after")
    def _template_is_known(self) -> Self:
        unknown = set(_FIELD.findall(self.uri)) - {"name", "stem"}
        if unknown:
            raise ValueError(f"the uri uses {{{unknown.pop()}}}; it may use {{name}} and {{stem}}")
        return self

    def uri_of(self, name: str) -> str:
        """Return the address of one image."""
        return self.uri.replace("{name}", name).replace("{stem}", name.rsplit(".", 1)[0])


class Viewer(Model):
    """A page where the images can be looked at."""

    title: Text
    url: Url


class AccessForm(Model):
    """The form that must be filled in before the expert labels can be had."""

    title: Text
    url: Url
    note: Text


class ImageFacts(Model):
    """What every image of the dataset looks like."""

    media_type: Literal["image/png"]
    width: int
    height: int
    name: Text


class Descriptor(Model):
    """A dataset: what it is, who provides it, what its use owes, and where its parts are."""

    format: Literal["cxrcat.dataset/1"]
    revision: Annotated[int, Field(ge=1)]
    slug: Slug
    title: Text
    short_title: Text
    description: Text
    about: About | None = None
    homepage: Url
    documentation: list[Url] = []
    provider: Party
    terms: Terms
    duties: Annotated[list[Duty], Field(min_length=1)]
    owes: Annotated[list[Slug], Field(min_length=1)]
    citations: Annotated[list[Citation], Field(min_length=1)]
    images: ImageFacts
    vocabulary: Vocabulary
    label_sets: Annotated[list[LabelSetSpec], Field(min_length=1)]
    versions: Annotated[list[Version], Field(min_length=1)]
    default_version: Slug
    boxes: list[BoxTable] = []
    splits: list[SplitSpec] = []
    sources: list[SourceSpec] = []
    default_source: Slug | None = None
    viewers: list[Viewer] = []
    access_form: AccessForm | None = None
    recognise: Recognise = Recognise()

    @model_validator(mode="after")
    def _names_agree(self) -> Self:
        """Check that names are unique and that every reference has its target."""
        unique: dict[str, list[str]] = {
            "duties": [duty.id for duty in self.duties],
            "citations": [citation.id for citation in self.citations],
            "label_sets": [labels.slug for labels in self.label_sets],
            "versions": [version.version for version in self.versions],
            "sources": [source.slug for source in self.sources],
            "boxes": [boxes.slug for boxes in self.boxes],
            "splits": [split.slug for split in self.splits],
            "vocabulary": [
                spelling.casefold()
                for word in self.vocabulary.words()
                for spelling in {word.name, word.label.casefold(), *word.synonyms}
            ],
        }
        for key, names in unique.items():
            for name in names:
                if names.count(name) > 1:
                    raise ValueError(f"{name!r} is there twice in {key!r}")
        parts: list[LabelSetSpec | BoxTable | SplitSpec | SourceSpec] = [
            *self.label_sets,
            *self.boxes,
            *self.splits,
            *self.sources,
        ]
        owes = [self.owes, *(part.owes for part in parts)]
        references = [
            *((duty, "duties") for owed in owes for duty in owed),
            *((duty.citation, "citations") for duty in self.duties if duty.citation),
            *((version.table.labels, "label_sets") for version in self.versions),
            (self.default_version, "versions"),
            *([(self.default_source, "sources")] if self.default_source else []),
        ]
        for name, key in references:
            if name not in unique[key]:
                raise ValueError(f"{name!r} is referred to and is not in {key!r}")
        for name in self.recognise.unknown(set(unique["duties"]), set(unique["citations"])):
            raise ValueError(f"{name!r} is referred to in 'recognise' and is not described")
        if not self.version_of(self.default_version).ships:
            raise ValueError(f"the default version {self.default_version!r} must ship")
        return self

    @property
    def default_labels(self) -> LabelSetSpec:
        """The label set that an unqualified finding means: the first one."""
        return self.label_sets[0]

    @property
    def source_of_images(self) -> SourceSpec | None:
        """The source from which images are fetched unless another is asked for."""
        return {each.slug: each for each in self.sources}.get(self.default_source or "")

    def labels_of(self, slug: str) -> LabelSetSpec:
        """Return one label set; raise `KeyError` when the descriptor has none of that name."""
        return {each.slug: each for each in self.label_sets}[slug]

    def words_of(self, slug: str) -> list[FindingWord]:
        """Return the findings of a label set: its own, or the dataset's."""
        return self.labels_of(slug).findings or self.vocabulary.words()

    def uncounted(self, slug: str) -> set[str]:
        """Return the words of a label set that are no findings: sums, and "nothing found"."""
        empty = self.vocabulary.no_finding
        return {
            word.name
            for word in self.words_of(slug)
            if not word.counts or (empty is not None and word.name == empty.name)
        }

    def version_of(self, version: str) -> Version:
        """Return one release; raise `KeyError` when the descriptor has none of that name."""
        return {each.version: each for each in self.versions}[version]

    def with_version(self, version: Version) -> Descriptor:
        """Return the descriptor with a release more, unless it has one of that name."""
        if version.version in {each.version for each in self.versions}:
            return self
        return self.model_copy(update={"versions": [*self.versions, version]})
