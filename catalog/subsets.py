"""Subsets: named answers to questions, immutable and versioned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import Dataset, Subset
from .datasets import find, full_descriptor, subset_names
from .suggest import unknown

if TYPE_CHECKING:
    from .query.vocabulary import Vocabulary

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,79}")
_LONGEST_NOTE = 2000  # characters
_INTEGERS = ("age", "follow_up", "width", "height")
_PATIENT: dict[str, Literal["integer", "text"]] = {"number": "integer", "text": "text"}


@dataclass(frozen=True, slots=True)
class Step:
    """One condition of a question, with the images and patients before and after it."""

    condition: str
    images_before: int
    images: int
    patients_before: int
    patients: int


@dataclass(frozen=True, slots=True)
class SubsetInfo:
    """A version of a subset: what was asked, how many answered, and how it came about."""

    dataset: str
    dataset_version: str
    name: str
    version: int
    query: str
    normal: str
    operation: str
    steps: tuple[dict[str, Any], ...]
    images: int
    patients: int
    digest: str
    note: str | None
    built_in: bool
    by: str
    created_at: str
    reads: tuple[dict[str, str], ...]
    funnel: tuple[Step, ...]


def vocabulary_of(session: Session, dataset: Dataset) -> Vocabulary:
    """Return the words that a question about this release may use."""
    from .labels.words import label_words, split_words
    from .query import Column, Vocabulary

    descriptor = full_descriptor(session, dataset)
    synonyms = {
        word.name: tuple({word.label, *word.synonyms}) for word in descriptor.vocabulary.words()
    }
    table = descriptor.version_of(dataset.version).table
    coded = {
        field: {
            **{value.casefold(): value for value in codes.values()},
            **{code.casefold(): value for code, value in codes.items()},
        }
        for field, codes in table.values.items()
    }

    def resolve(name: str, version: int | None) -> tuple[str, int]:
        row = get(session, name if version is None else f"{name}@{version}", dataset)
        return row.name, row.version

    label_sets, unavailable = label_words(session, dataset, descriptor)
    parts, without_split = split_words(session, dataset, descriptor)
    return Vocabulary(
        label_sets=label_sets,
        default_labels=descriptor.default_labels.slug,
        columns={
            **{name: Column(name, "integer", None) for name in _INTEGERS},
            **{name: Column(name, "real", None) for name in ("spacing_x", "spacing_y")},
            "patient": Column("patient", _PATIENT[table.patient], None),
            "name": Column("name", "text", None),
            "sex": Column("sex", "text", coded.get("sex")),
            "view": Column("view", "text", coded.get("view")),
            **({"split": Column("split", "text", parts)} if parts else {}),
        },
        boxed=synonyms if descriptor.boxes else {},
        resolve_subset=resolve,
        unavailable=unavailable | without_split,
    )


def check_name(name: str) -> None:
    """Raise `UsageError` when a subset cannot have this name."""
    if not _NAME.fullmatch(name):
        raise UsageError(
            f"{name[:80]!r} cannot name a subset; use lower-case letters, digits, '.', '-' and '_'"
        )


def check_note(note: str) -> None:
    """Raise `UsageError` when a note is too long, or cannot be written down everywhere."""
    if len(note) > _LONGEST_NOTE:
        raise UsageError(f"the note has {len(note)} characters; {_LONGEST_NOTE} are allowed")
    if not all(each.isprintable() or each in "\t\n\r" for each in note):
        raise UsageError("the note holds a character that cannot be printed")


def get(session: Session, name: str, dataset: Dataset | None = None) -> Subset:
    """Return a subset by ``name`` (its latest version) or ``name@version``.

    ``dataset/name`` asks for another dataset than the default one. Raises `NotFoundError` that
    names the nearest.
    """
    if dataset is None:
        slug, slash, rest = name.rpartition("/")
        dataset = find(session, slug if slash else None)
        name = rest
    bare, at, version = name.partition("@")
    newest = latest(session, dataset, bare) if _NAME.fullmatch(bare) else None
    if newest is None:
        raise NotFoundError(unknown("subset", bare, subset_names(session, dataset)))
    if not at or version == str(newest.version):
        return newest
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.name == bare)
    if version.isascii() and version.isdigit():
        row = session.exec(query.where(Subset.version == int(version[:9]))).first()
        if row is not None:
            return row
    raise NotFoundError(
        f"the subset {bare!r} has no version {version!r}; its versions are 1 to {newest.version}"
    )


def listing(session: Session, dataset: Dataset) -> list[SubsetInfo]:
    """Return the latest version of every subset of a dataset, by name."""
    newest: dict[str, Subset] = {}
    query = select(Subset).where(Subset.dataset_id == dataset.id)
    query = query.options(defer(Subset.members, raiseload=True))  # type: ignore[arg-type]
    for row in session.exec(query.order_by(col(Subset.name), col(Subset.version))):
        newest[row.name] = row
    return [describe(row, dataset) for row in newest.values()]


def describe(row: Subset, dataset: Dataset) -> SubsetInfo:
    """Return a version of a subset without its membership."""
    return SubsetInfo(
        dataset=dataset.slug,
        dataset_version=dataset.version,
        name=row.name,
        version=row.version,
        query=row.query,
        normal=row.normal,
        operation=row.operation,
        steps=tuple(row.steps),
        images=row.images,
        patients=row.patients,
        digest=row.digest,
        note=row.note,
        built_in=row.built_in,
        by=row.by,
        created_at=row.at.isoformat(timespec="seconds"),
        reads=tuple(row.reads),
        funnel=tuple(Step(**step) for step in row.funnel),
    )


def latest(session: Session, dataset: Dataset, name: str) -> Subset | None:
    """Return the latest version of a subset by its bare name, None when there is none."""
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.name == name)
    return session.exec(query.order_by(col(Subset.version).desc()).limit(1)).first()
