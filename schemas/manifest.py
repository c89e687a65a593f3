"""The manifest of an export, `provenance.json`: small, versioned, with a published JSON Schema.

What is true of single images stands in metadata.csv; the manifest does not grow with them. Two
exports of one subset by one release differ in `Provenance.export` alone: when, who and where.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
)

from .errors import InputError
from .terms import About, Citation, DutyKind, Party, Terms, Url

SCHEMA_ID = "urn:cxrcat:schema:provenance:1"

ChecksumText = Annotated[str, StringConstraints(pattern=r"^xxh128:[0-9a-f]{32}$")]
Fingerprint = Annotated[str, StringConstraints(pattern=r"^sha256:[0-9a-f]{64}$")]
Count = Annotated[int, Field(ge=0)]
StepValue = str | int | None | list[tuple[str, str]]


def _inside(path: str) -> str:
    if path.startswith("/") or ".." in path.split("/") or "\\" in path or not path.isprintable():
        raise ValueError("is not a path inside the folder")
    return path


RelativePath = Annotated[
    str, StringConstraints(min_length=1, max_length=1024), AfterValidator(_inside)
]


class Part(BaseModel):
    """A part of the manifest: immutable, and without a key that it does not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Tool(Part):
    """The program that made the export."""

    name: Literal["cxrcat"] = "cxrcat"
    version: str


class Arrival(Part):
    """When and by whom a part of the lineage came into the catalog; `name` says which.

    A subset's is ``name@version``, a dataset's its version, any other's its word.
    """

    kind: Literal["dataset", "labels", "split", "subset"]
    name: str
    at: AwareDatetime
    by: str | None = None


class ExportFacts(Part):
    """When, who and where: the only part in which two exports of one subset differ.

    `arrivals` has the parts of the lineage in its order. `signer` is the SHA-256 of the public key
    with which a signed export can be checked.
    """

    id: str
    at: AwareDatetime
    by: str
    host: str
    project: str | None = None
    arrivals: list[Arrival] = []
    signer: Fingerprint | None = None


class DatasetFacts(Part):
    """The release that the slice was cut from."""

    slug: str
    version: str
    title: str
    short_title: str
    description: str | None = None
    about: About | None = None
    homepage: Url
    provider: Party
    terms: Terms
    released: str
    images: Count
    patients: Count
    table_checksum: ChecksumText
    names_checksum: ChecksumText


class FunnelStep(Part):
    """One condition of the question, with the images and patients before and after it."""

    condition: str
    images_before: Count
    images: Count
    patients_before: Count
    patients: Count


class ReadFact(Part):
    """Something that the question read, and the word by which it did.

    `checksum` is that of the files of a label set or a split. A ``source`` is a table elsewhere
    that answered the question.
    """

    kind: Literal["labels", "boxes", "split", "source", "subset"]
    name: str
    word: str
    checksum: ChecksumText | None = None


class FindingCount(Part):
    """How many images have a finding; `name` is its word, `label` the dataset's spelling."""

    name: str
    label: str
    images: Count


class AgeGroup(Part):
    """How many images are of one age: ``30-39`` years, ``90+`` or ``unknown``, by sex."""

    years: str
    sexes: dict[str, Count]


class Profile(Part):
    """What the images of a subset are, in numbers of images.

    `findings` holds all that the label set `labels` knows, in its order. `together` has the images
    with two of them, each pair once in that order; a pair that never occurs is left out. `patients`
    holds how many patients have one image in the subset, how many have two to five, and so on.
    Sexes and views beyond the most frequent count as ``other``, absent ones as ``unknown``.
    """

    labels: str
    findings: list[FindingCount]
    together: dict[str, dict[str, Count]]
    ages: list[AgeGroup]
    views: dict[str, Count]
    patients: dict[str, Count]


class SetFacts(Part):
    """A label set, a split or boxes that were read; `checksum` is that of the files they are from.

    `source` says where they were said to be from: the name of a file, mostly.
    """

    kind: Literal["labels", "boxes", "split"]
    name: str
    title: str
    source: str
    checksum: ChecksumText


class VersionFacts(Part):
    """A version of a subset: the question, the steps that followed it, and its answer.

    Each of `steps` states all that decides its outcome, seeds included. `digest` is the XXH3-128 of
    the members' ordinals (little-endian uint32, ascending).
    """

    name: str
    version: Annotated[int, Field(ge=1)]
    query: str
    normal: str
    operation: str
    steps: list[dict[str, StepValue]]
    reads: list[ReadFact]
    images: Count
    patients: Count
    digest: ChecksumText

    @property
    def reference(self) -> str:
        """The version as questions and people name it: ``name@version``."""
        return f"{self.name}@{self.version}"


class SubsetFacts(VersionFacts):
    """The version that was exported: also how the answer came about, and what it consists of.

    `names` is the XXH3-128 of the members' names, one a line.
    """

    note: str | None = None
    names: ChecksumText
    funnel: list[FunnelStep]
    profile: Profile | None = None


class OwedDuty(Part):
    """A duty of the slice, met by the papers beside it, and what brought it."""

    id: str
    kind: DutyKind
    text: str
    source: str
    url: Url | None = None
    party: str | None = None
    citation: str | None = None
    because: list[str]


class ImagesFacts(Part):
    """What was done about the images themselves.

    `brought_from` names the source that they were brought from, ``folder`` for a local one;
    `source` and `uri` the one from which everybody can have them. `taken_over` counts those whose
    checksum is not an XXH3-128 of bytes that were read, but what their store says of them.
    """

    mode: Literal["none", "copy", "hardlink", "rewrite"]
    brought_from: str | None = None
    media_type: str | None = None
    source: str | None = None
    uri: str | None = None
    files: Count
    size: Count
    missing: Count
    taken_over: Count | None = None


class FileFact(Part):
    """A file of the export other than an image: size in bytes, and checksum.

    Tables also have their SHA-256 as 64 hexadecimal digits, which Croissant demands.
    """

    path: RelativePath
    size: Count
    checksum: ChecksumText
    sha256: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")] | None = None


class Provenance(Part):
    """The manifest as a whole.

    `lineage` has the versions that the subset was made from, the nearest first, and `sets` all that
    any of them read. `files` are those that are alike in every export of the subset: neither the
    images, which metadata.csv lists, nor the papers that say when, who and where.
    """

    schema_id: Annotated[Literal["urn:cxrcat:schema:provenance:1"], Field(alias="$schema")]
    format: Literal["cxrcat.provenance/1"]
    tool: Tool
    export: ExportFacts
    dataset: DatasetFacts
    subset: SubsetFacts
    lineage: list[VersionFacts]
    sets: list[SetFacts]
    duties: Annotated[list[OwedDuty], Field(min_length=1)]
    citations: list[Citation]
    images: ImagesFacts
    files: list[FileFact]

    def to_json(self) -> str:
        """Return the text of provenance.json: keys in the model's order, ending in a newline."""
        data = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return json.dumps(data, indent=2, ensure_ascii=False) + "\n"

    @classmethod
    def from_json(cls, text: str | bytes, where: str) -> Provenance:
        """Read a manifest; raise `InputError` that names `where` and the first wrong key."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"]) or "the whole file"
            message = f"{where}: not a manifest that this cxrcat reads: {key}: {first['msg']}"
            raise InputError(message) from error


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of provenance.json."""
    schema = Provenance.model_json_schema(by_alias=True)
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **schema,
    }
