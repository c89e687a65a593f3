"""Subsets: named answers to questions, immutable and versioned."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from sqlalchemy.orm import defer
from sqlmodel import Session, col, select

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import Dataset, Subset, key_of
from . import events
from .bitmaps import digest, dump
from .datasets import descriptor_of, find, subset_names
from .index import DatasetIndex
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
    images: int
    patients: int
    digest: str
    note: str | None
    built_in: bool
    by: str
    created_at: str
    reads: tuple[dict[str, str], ...]
    funnel: tuple[Step, ...]


def create(
    session: Session,
    index: DatasetIndex,
    dataset: Dataset,
    name: str,
    where: str,
    vocabulary: Vocabulary,
    by: str,
    note: str | None = None,
    built_in: bool = False,
) -> Subset:
    """Answer a question and record it; the same question and answer are recorded once.

    A name that exists with another question or answer gets a new version. Raises `UsageError` for a
    bad name and `query.errors.QueryError` for a bad question.
    """
    from .query import evaluate, funnel, normalise, parse, reads, spell

    check_name(name)
    check_note(note or "")
    tree = parse(where, vocabulary)
    normal = normalise(tree)
    spelled = spell(normal)
    members = evaluate(normal, index)
    latest = _latest(session, dataset, name)
    checksum = str(digest(members))
    if latest is not None and (latest.normal, latest.digest) == (spelled, checksum):
        return latest
    count = index.patients.count
    images, patients = dataset.images, dataset.patients
    steps = []
    for condition, left in funnel(tree, index):
        step = {
            "condition": condition,
            "images_before": images,
            "images": len(left),
            "patients_before": patients,
            "patients": count(left),
        }
        images, patients = len(left), count(left)
        steps.append(step)
    subset = Subset(
        dataset_id=key_of(dataset),
        name=name,
        version=latest.version + 1 if latest else 1,
        query=where,
        normal=spelled,
        operation="where",
        steps=[],
        reads=[{"kind": read.kind, "name": read.name, "word": read.word} for read in reads(tree)],
        funnel=steps,
        images=len(members),
        patients=count(members),
        digest=checksum,
        members=dump(members),
        note=note,
        built_in=built_in,
        by=by,
        at=datetime.now(UTC),
    )
    session.add(subset)
    events.record(
        session,
        by,
        "subset.created",
        f"{name}@{subset.version}",
        dataset=f"{dataset.slug}@{dataset.version}",
        normal=spelled,
        digest=checksum,
        images=subset.images,
    )
    return subset


def create_built_in(session: Session, dataset: Dataset, by: str) -> None:
    """Record one subset a finding of the vocabulary: its name is the word with hyphens."""
    words = descriptor_of(dataset).vocabulary.words()
    index = DatasetIndex(session, dataset)
    vocabulary = vocabulary_of(session, dataset)
    for word in words:
        name = word.name.replace("_", "-")
        create(session, index, dataset, name, word.name, vocabulary, by, built_in=True)


def vocabulary_of(session: Session, dataset: Dataset) -> Vocabulary:
    """Return the words that a question about this release may use."""
    from .query import Column, LabelWords, Vocabulary

    descriptor = descriptor_of(dataset)
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

    return Vocabulary(
        label_sets={
            spec.slug: LabelWords(slug=spec.slug, findings=synonyms, states=frozenset(spec.states))
            for spec in descriptor.label_sets
        },
        default_labels=descriptor.default_labels.slug,
        columns={
            **{name: Column(name, "integer", None) for name in _INTEGERS},
            **{name: Column(name, "real", None) for name in ("spacing_x", "spacing_y")},
            "patient": Column("patient", _PATIENT[table.patient], None),
            "name": Column("name", "text", None),
            "sex": Column("sex", "text", coded.get("sex")),
            "view": Column("view", "text", coded.get("view")),
        },
        boxed=synonyms if descriptor.boxes else {},
        resolve_subset=resolve,
        unavailable={
            "split": "the official split lists are not in the catalog",
        },
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
    latest = _latest(session, dataset, bare) if _NAME.fullmatch(bare) else None
    if latest is None:
        raise NotFoundError(unknown("subset", bare, subset_names(session, dataset)))
    if not at or version == str(latest.version):
        return latest
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.name == bare)
    if version.isascii() and version.isdigit():
        row = session.exec(query.where(Subset.version == int(version[:9]))).first()
        if row is not None:
            return row
    raise NotFoundError(
        f"the subset {bare!r} has no version {version!r}; its versions are 1 to {latest.version}"
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


def _latest(session: Session, dataset: Dataset, name: str) -> Subset | None:
    query = select(Subset).where(Subset.dataset_id == dataset.id, Subset.name == name)
    return session.exec(query.order_by(col(Subset.version).desc()).limit(1)).first()
