"""The tables of the catalog.

Memberships and findings are roaring bitmaps over *ordinals*: an image's rank by name in its dataset
version, counted from 0, so that a bitmap is the same on every machine and database. Bitmaps are
stored in the portable serialisation of https://github.com/RoaringBitmap/RoaringFormatSpec.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Protocol

from sqlalchemy import JSON, BigInteger, DateTime, Dialect, Index, LargeBinary, Text, TypeDecorator
from sqlmodel import Field, SQLModel, UniqueConstraint


class UtcDateTime(TypeDecorator[datetime]):
    """A moment in UTC; SQLite forgets the time zone, so it is put back on reading."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Refuse a moment without a time zone, and store it in UTC."""
        if value is not None and value.tzinfo is None:
            raise ValueError(f"the moment {value} has no time zone")
        return None if value is None else value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        """Return the moment in UTC."""
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


_JSON: Any = JSON
_MOMENT: Any = UtcDateTime
_BLOB: Any = LargeBinary
_TEXT: Any = Text
_BIG: Any = BigInteger


class _Numbered(Protocol):
    id: int | None


def key_of(row: _Numbered) -> int:
    """Return the key of a row that the database has numbered."""
    if row.id is None:
        raise ValueError("the row is not in the catalog yet")
    return row.id


class Dataset(SQLModel, table=True):
    """A release of a dataset: its descriptor and what was counted when it came in."""

    __tablename__ = "dataset"
    __table_args__ = (UniqueConstraint("slug", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    slug: str
    version: str
    title: str
    is_default: bool
    descriptor: str = Field(sa_type=_TEXT)
    descriptor_checksum: str
    table_checksum: str
    names_checksum: str
    images: int
    patients: int
    at: datetime = Field(sa_type=_MOMENT)


class Image(SQLModel, table=True):
    """An image of a dataset: its name and what the metadata says of it.

    Age in years, width and height in pixels of the original, spacing in millimetres a pixel.
    """

    __tablename__ = "image"
    __table_args__ = (
        Index("image_name", "dataset_id", "name", unique=True),
        Index("image_patient", "dataset_id", "patient"),
        {"sqlite_with_rowid": False},
    )

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    ordinal: int = Field(primary_key=True)
    name: str
    patient: str
    follow_up: int | None
    age: int | None
    sex: str | None
    view: str | None
    width: int | None
    height: int | None
    spacing_x: float | None
    spacing_y: float | None


class PatientIndex(SQLModel, table=True):
    """The patient of every image, as one array: little-endian uint32 ranks, by ordinal."""

    __tablename__ = "patient_index"

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    ranks: bytes = Field(sa_type=_BLOB)


class Facet(SQLModel, table=True):
    """The images that have one value in one column; the empty value stands for a missing one."""

    __tablename__ = "facet"

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    field: str = Field(primary_key=True)
    value: str = Field(primary_key=True)
    members: bytes = Field(sa_type=_BLOB)


class LabelSet(SQLModel, table=True):
    """Who said what of the images: one method or panel of readers, or a list of splits.

    `kind` is ``labels`` or ``split``. `spec` holds, as JSON, what the descriptor does not say of a
    set that was brought along. When newer files replace a set, the earlier one keeps its rows under
    ``slug@number``.
    """

    __tablename__ = "label_set"
    __table_args__ = (UniqueConstraint("dataset_id", "slug"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="dataset.id")
    slug: str
    kind: str
    title: str
    source: str
    checksum: str
    spec: str | None = Field(default=None, sa_type=_TEXT)
    at: datetime = Field(sa_type=_MOMENT)


class Finding(SQLModel, table=True):
    """The images of which a label set says that a finding is present, absent or uncertain."""

    __tablename__ = "finding"

    label_set_id: int = Field(foreign_key="label_set.id", primary_key=True)
    name: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    images: int
    members: bytes = Field(sa_type=_BLOB)


class Reading(SQLModel, table=True):
    """The images of which one reader of a label set said so, beside the adjudicated `Finding`."""

    __tablename__ = "reading"

    label_set_id: int = Field(foreign_key="label_set.id", primary_key=True)
    reader: str = Field(primary_key=True)
    name: str = Field(primary_key=True)
    state: str = Field(primary_key=True)
    images: int
    members: bytes = Field(sa_type=_BLOB)


class Box(SQLModel, table=True):
    """A rectangle that a radiologist drew around a finding, in pixels of the released image."""

    __tablename__ = "box"
    __table_args__ = (Index("box_ordinal", "dataset_id", "ordinal"),)

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    source: str = Field(primary_key=True)
    number: int = Field(primary_key=True)
    ordinal: int
    finding: str
    x: float
    y: float
    width: float
    height: float


class Replica(SQLModel, table=True):
    """One place where the bytes of an image were seen, and what they were then.

    `size` is in bytes, `checksum` the XXH3-128 where the bytes were read, `stored` the checksum
    that a store told, `version` what pins the bytes there (a generation, say), `modified`
    (nanoseconds) and `inode` tell whether a file changed since. `problem` says what is wrong with
    the bytes. A DICOM instance has the UIDs of its study, its series and its own.
    """

    __tablename__ = "replica"

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    ordinal: int = Field(primary_key=True)
    uri: str = Field(primary_key=True)
    source: str
    size: int | None = Field(sa_type=_BIG)
    checksum: str | None
    version: str | None
    stored: str | None
    modified: int | None = Field(sa_type=_BIG)
    inode: int | None = Field(sa_type=_BIG)
    problem: str | None
    study: str | None
    series: str | None
    instance: str | None
    at: datetime = Field(sa_type=_MOMENT)


class Fingerprint(SQLModel, table=True):
    """How an image looks, as bits of which near pictures have nearly the same.

    `algorithm` says how the bits were made of the pixels; only those of one can be compared.
    """

    __tablename__ = "fingerprint"
    __table_args__ = ({"sqlite_with_rowid": False},)

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    ordinal: int = Field(primary_key=True)
    algorithm: str = Field(primary_key=True)
    bits: bytes = Field(sa_type=_BLOB)


class Subset(SQLModel, table=True):
    """One version of a subset: the question, the answer, and how the answer came about.

    Immutable. The same name with another answer is a new version. `operation` is the word for how
    it was made (``where``, ``union``, ``sample`` …), `steps` what was done to the answer of the
    question, in order, each with all that decides its outcome.
    """

    __tablename__ = "subset"
    __table_args__ = (UniqueConstraint("dataset_id", "name", "version"),)

    id: int | None = Field(default=None, primary_key=True)
    dataset_id: int = Field(foreign_key="dataset.id", index=True)
    name: str
    version: int
    query: str = Field(sa_type=_TEXT)
    normal: str = Field(sa_type=_TEXT)
    operation: str
    steps: list[dict[str, Any]] = Field(sa_type=_JSON)
    reads: list[dict[str, str]] = Field(sa_type=_JSON)
    funnel: list[dict[str, Any]] = Field(sa_type=_JSON)
    images: int
    patients: int
    digest: str
    members: bytes = Field(sa_type=_BLOB)
    note: str | None
    built_in: bool
    by: str
    at: datetime = Field(sa_type=_MOMENT)


class Withdrawal(SQLModel, table=True):
    """An image that must no longer be used; versions of subsets made after this leave it out."""

    __tablename__ = "withdrawal"

    dataset_id: int = Field(foreign_key="dataset.id", primary_key=True)
    ordinal: int = Field(primary_key=True)
    reason: str
    by: str
    at: datetime = Field(sa_type=_MOMENT)


class Project(SQLModel, table=True):
    """A piece of work that uses slices; its folder is at `path` on `host`."""

    __tablename__ = "project"

    id: int | None = Field(default=None, primary_key=True)
    slug: str = Field(unique=True)
    title: str | None = None
    path: str | None = None
    host: str | None = None
    contact: str | None = None
    note: str | None = None
    at: datetime = Field(sa_type=_MOMENT)


class Export(SQLModel, table=True):
    """A subset version written somewhere.

    `state` is ``prepared`` until the folder stands at its destination, then ``published``, or
    ``abandoned`` when a run ended before that. `checksum` is that of the folder's list of
    checksums, so it covers every file in it. `brought_from` is the slug of its images' source.
    """

    __tablename__ = "export"

    id: str = Field(primary_key=True)
    subset_id: int = Field(foreign_key="subset.id", index=True)
    project_id: int | None = Field(default=None, foreign_key="project.id", index=True)
    host: str
    destination: str
    mode: str
    source: str | None
    brought_from: str | None = None
    files: int
    size: int
    missing: int
    checksum: str
    state: str
    by: str
    at: datetime = Field(sa_type=_MOMENT)


class Use(SQLModel, table=True):
    """What became of a slice: a training, an evaluation, a publication and so on.

    `id` is a UUID: that of a run, or one made of what was stated, so that stating it again is the
    same use. `failure` names the error that ended a run, None when it ended well. `at` is when it
    ended, or when it was stated.
    """

    __tablename__ = "use"

    id: str = Field(primary_key=True)
    project_id: int = Field(foreign_key="project.id", index=True)
    subset_id: int = Field(foreign_key="subset.id", index=True)
    export_id: str | None = Field(default=None, foreign_key="export.id", index=True)
    kind: str
    failure: str | None = None
    dois: list[str] = Field(sa_type=_JSON)
    contact: str | None
    note: str | None
    host: str | None
    by: str
    started: datetime | None = Field(default=None, sa_type=_MOMENT)
    at: datetime = Field(sa_type=_MOMENT)


class UseArtifact(SQLModel, table=True):
    """What a use made: a file or a folder with `files` files, `size` bytes in all, or a URL.

    `checksum` is the XXH3-128 of a file, or of the list of the checksums of a folder's files.
    """

    __tablename__ = "use_artifact"

    use_id: str = Field(foreign_key="use.id", primary_key=True)
    number: int = Field(primary_key=True)
    kind: str
    place: str
    files: int | None
    size: int | None = Field(sa_type=_BIG)
    checksum: str | None


class Audit(SQLModel, table=True):
    """An audit of a project: how many problems of each severity, and which.

    `root` is the project's folder on `host`; each of `problems` has a rule, a severity, a path, a
    message and the fingerprint by which it is known again.
    """

    __tablename__ = "audit"
    __table_args__ = (Index("audit_root", "host", "root"),)

    id: int | None = Field(default=None, primary_key=True)
    run: str = Field(index=True)
    project: str
    root: str = Field(sa_type=_TEXT)
    host: str
    duties: int
    met: int
    errors: int
    warnings: int
    notes: int
    problems: list[dict[str, str]] = Field(sa_type=_JSON)
    by: str
    at: datetime = Field(sa_type=_MOMENT)


class Event(SQLModel, table=True):
    """An entry of the append-only log; each carries the digest of the one before it."""

    __tablename__ = "event"

    id: int = Field(primary_key=True)
    at: datetime = Field(sa_type=_MOMENT)
    by: str
    kind: str
    subject: str
    detail: dict[str, Any] = Field(sa_type=_JSON)
    previous: str
    digest: str
