"""A use as it waits in the spool for its catalog: a small JSON file, read as hostile."""

from __future__ import annotations

from typing import Annotated, Literal, Self
from uuid import UUID

from pydantic import (
    AfterValidator,
    AwareDatetime,
    BaseModel,
    ConfigDict,
    Field,
    StringConstraints,
    ValidationError,
    model_validator,
)

from .errors import InputError
from .uses import ArtifactKind, UseKind

FORMAT = "cxrcat.use/1"


def _shown(text: str) -> str:
    if not text.isprintable():
        raise ValueError("holds a character that cannot be printed")
    return text


def _note(text: str) -> str:
    if not all(each.isprintable() or each in "\t\n\r" for each in text):
        raise ValueError("holds a character that cannot be printed")
    return text


Line = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_shown)]
Note = Annotated[str, StringConstraints(min_length=1, max_length=2000), AfterValidator(_note)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9._-]{0,79}$")]
Doi = Annotated[str, StringConstraints(pattern=r"^10\.\d{4,9}/\S+$", max_length=300)]
Count = Annotated[int, Field(ge=0, le=2**62)]


class SpooledArtifact(BaseModel):
    """What the use made; without a checksum when it could not be read any more."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    kind: Annotated[ArtifactKind, Field(strict=False)]
    place: Line
    files: Count | None = None
    size: Count | None = None
    checksum: Annotated[str, StringConstraints(pattern=r"^xxh128:[0-9a-f]{32}$")] | None = None


class SpooledUse(BaseModel):
    """A use with all that the catalog records of it; `catalog` names the one it is meant for."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    format: Literal["cxrcat.use/1"]
    id: Annotated[UUID, Field(strict=False)]
    catalog: Line
    project: Slug
    export: Line | None = None
    subset: Line | None = None
    kind: Annotated[UseKind, Field(strict=False)]
    failure: Line | None = None
    artifacts: Annotated[list[SpooledArtifact], Field(max_length=1000)] = []
    dois: Annotated[list[Annotated[Doi, AfterValidator(_shown)]], Field(max_length=100)] = []
    contact: Line | None = None
    note: Note | None = None
    by: Line
    host: Line
    started: Annotated[AwareDatetime, Field(strict=False)]
    at: Annotated[AwareDatetime, Field(strict=False)]

    @model_validator(mode="after")
    def _is_of_one_slice(self) -> Self:
        if (self.export is None) == (self.subset is None):
            raise ValueError("names either an export or a subset")
        return self

    @classmethod
    def from_json(cls, text: bytes, where: str) -> SpooledUse:
        """Read an entry; raise `InputError` that names `where` and the first wrong key."""
        try:
            return cls.model_validate_json(text)
        except ValidationError as error:
            first = error.errors(include_url=False)[0]
            key = ".".join(str(part) for part in first["loc"])[:80] or "the whole file"
            message = f"{where}: not a use that this cxrcat spooled: {key}: {first['msg'][:200]}"
            raise InputError(message) from error
