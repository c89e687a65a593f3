"""A recipe, `NAME.cxrcat.yaml`: a subset as a paper can publish it where images cannot be shared.

It holds what decides the answer, the answer itself by name, and what its use owes; neither when nor
by whom it was made, so that two recipes of one subset by one release of cxrcat are equal.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

import yaml
from pydantic import AfterValidator, Field, StringConstraints, model_validator

from .manifest import ChecksumText, Count, FunnelStep, Part, SetFacts, Tool, VersionFacts
from .terms import Citation, DutyKind, Url

SCHEMA_ID = "urn:cxrcat:schema:recipe:1"


def _file_name(name: str) -> str:
    if name in (".", "..") or "/" in name or "\\" in name or not name.isprintable():
        raise ValueError("is not the name of a file beside the recipe")
    return name


FileName = Annotated[
    str, StringConstraints(min_length=1, max_length=255), AfterValidator(_file_name)
]
Line = Annotated[str, StringConstraints(pattern=r"^[!-~]{1,200}( xxh128:[0-9a-f]{32})?$")]


class RecipeDataset(Part):
    """The release that the question is asked of, and how to tell that it is the same one."""

    slug: str
    version: str
    title: str
    homepage: Url
    images: Count
    patients: Count
    table_checksum: ChecksumText
    names_checksum: ChecksumText


class RecipeSubset(VersionFacts):
    """The version that the recipe makes."""

    note: str | None = None
    funnel: list[FunnelStep]


class RecipeDuty(Part):
    """A duty of whoever uses the images: what it asks for, and the work that it cites."""

    id: str
    kind: DutyKind
    text: str
    url: Url | None = None
    citation: str | None = None


class Names(Part):
    """The images of a version: a line each, the name and, where it is known, its checksum.

    `lines` has them as they are, `packed` gzip-compressed in base64, `file` names a gzip file
    beside the recipe. `checksum` is the XXH3-128 of the lines, each ended by a newline, so that it
    does not depend on how they were compressed.
    """

    of: str
    images: Count
    checksum: ChecksumText
    lines: list[Line] | None = None
    packed: str | None = None
    file: FileName | None = None

    @model_validator(mode="after")
    def _one_of_three(self) -> Self:
        if sum(each is not None for each in (self.lines, self.packed, self.file)) != 1:
            raise ValueError("give one of lines, packed and file")
        return self


class Recipe(Part):
    """The recipe as a whole; `lineage` has what the subset was made from, the nearest first.

    `names` has the images of the subset, and of each version that a list or a table elsewhere
    answered, since such a question cannot be asked again.
    """

    format: Literal["cxrcat.recipe/1"]
    tool: Tool
    dataset: RecipeDataset
    subset: RecipeSubset
    lineage: list[VersionFacts]
    sets: list[SetFacts]
    duties: Annotated[list[RecipeDuty], Field(min_length=1)]
    citations: list[Citation]
    names: list[Names]

    def to_yaml(self) -> str:
        """Return the text of the file: keys in the model's order, ending in a newline."""
        data = self.model_dump(mode="json", by_alias=True, exclude_none=True)
        return yaml.dump(data, Dumper=_Plain, sort_keys=False, allow_unicode=True, width=96)


class _Plain(yaml.SafeDumper):
    """Writes everything out, since readers refuse aliases; texts of many lines stay lines."""

    def ignore_aliases(self, data: Any) -> bool:  # noqa: ARG002
        """Return True: nothing is referred to."""
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    style = "|" if text.count("\n") > 1 else None
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=style)


_Plain.add_representer(str, _text)


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema (2020-12) of a recipe."""
    return {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "$id": SCHEMA_ID,
        **Recipe.model_json_schema(by_alias=True),
    }
