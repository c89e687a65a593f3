"""Withdraw images: an event, after which new versions of subsets leave them out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ..schemas.errors import NotFoundError, UsageError
from ..schemas.tables import Dataset, Image, Subset, Withdrawal, key_of
from . import datasets, events, subsets
from .bitmaps import load
from .create import Creator, ask_again
from .metadata import read_names
from .patients import spellings

_NAMED = 3  # unknown names that an error names
_BATCH = 500  # names a statement


@dataclass(frozen=True, slots=True)
class Withdraw:
    """What is withdrawn and why: image names, patients, and the names that a file lists."""

    reason: str
    images: tuple[str, ...] = ()
    patients: tuple[str, ...] = ()
    listed: Path | None = None
    dataset: str | None = None


@dataclass(frozen=True, slots=True)
class Renewed:
    """A subset whose question was asked again: its versions before and after, and its images."""

    name: str
    before: int
    after: int
    images_before: int
    images: int


@dataclass(frozen=True, slots=True)
class WithdrawReport:
    """What a withdrawal changed in one release."""

    dataset: str
    version: str
    withdrawn: int
    already: int
    renewed: tuple[Renewed, ...]


def withdraw(session: Session, wanted: Withdraw, by: str) -> list[WithdrawReport]:
    """Withdraw images from every release of a dataset, and renew the subsets that held them.

    Versions that are there stay as they were. Raises `UsageError` without a reason or an image, and
    `NotFoundError` or `InputError` for one that no release has.
    """
    subsets.check_note(wanted.reason)
    if not wanted.reason.strip():
        raise UsageError("say why, with --reason; the catalog keeps it")
    owner = datasets.find(session, wanted.dataset)
    query = select(Dataset).where(Dataset.slug == owner.slug).order_by(col(Dataset.id))
    releases = list(session.exec(query))
    names = _names(wanted)
    if not (names or wanted.patients):
        raise UsageError("say which: --image NAME, --patient NUMBER or --from-file FILE")
    found = [_find(session, release, names, wanted.patients) for release in releases]
    known = set().union(*(each for each, _ in found))
    unknown = [name for name in (*names, *wanted.patients) if name not in known]
    if unknown:
        raise NotFoundError(
            f"{len(unknown):,} of {len(names) + len(wanted.patients):,} are not in {owner.slug}, "
            f"so nothing was withdrawn: {', '.join(each[:60] for each in unknown[:_NAMED])}"
        )
    return [
        _withdraw(session, release, ordinals, wanted.reason, by)
        for release, (_, ordinals) in zip(releases, found, strict=True)
    ]


def carry_over(session: Session, release: Dataset, by: str) -> None:
    """Withdraw from a new release what was withdrawn from the dataset's earlier ones."""
    here = sa.and_(
        col(Withdrawal.dataset_id) == Image.dataset_id, col(Withdrawal.ordinal) == Image.ordinal
    )
    query = (
        select(Image.name, Withdrawal.reason)
        .join(Withdrawal, here)
        .join(Dataset, col(Dataset.id) == Image.dataset_id)
        .where(Dataset.slug == release.slug, Dataset.id != release.id)
    )
    reasons: dict[str, set[str]] = {}
    for name, reason in session.exec(query):
        reasons.setdefault(reason, set()).add(name)
    for reason, names in sorted(reasons.items()):
        _, ordinals = _find(session, release, sorted(names), ())
        _withdraw(session, release, ordinals, reason, by)


def _names(wanted: Withdraw) -> list[str]:
    listed = read_names(wanted.listed) if wanted.listed else []
    names = [*wanted.images, *(name for _, name in listed)]
    return list(dict.fromkeys(names))


def _find(
    session: Session, release: Dataset, names: Sequence[str], patients: Sequence[str]
) -> tuple[set[str], BitMap]:
    """Return which of the names and patients a release has, and their images."""
    ordinals = BitMap()
    known: set[str] = set()
    for start in range(0, len(names), _BATCH):
        query = select(Image.name, Image.ordinal).where(Image.dataset_id == release.id)
        query = query.where(col(Image.name).in_(names[start : start + _BATCH]))
        for name, ordinal in session.exec(query):
            known.add(name)
            ordinals.add(ordinal)
    for patient in patients:
        query = select(Image.name, Image.ordinal).where(Image.dataset_id == release.id)
        rows = session.exec(query.where(col(Image.patient).in_(spellings(patient)))).all()
        if rows:
            known.add(patient)
        ordinals.update(ordinal for _, ordinal in rows)
    return known, ordinals


def _withdraw(
    session: Session, release: Dataset, ordinals: BitMap, reason: str, by: str
) -> WithdrawReport:
    key = key_of(release)
    before = BitMap(session.exec(select(Withdrawal.ordinal).where(Withdrawal.dataset_id == key)))
    fresh = ordinals - before
    now = datetime.now(UTC)
    session.add_all(
        Withdrawal(dataset_id=key, ordinal=ordinal, reason=reason, by=by, at=now)
        for ordinal in fresh
    )
    session.flush()
    renewed: tuple[Renewed, ...] = ()
    if fresh:
        events.record(
            session,
            by,
            "images.withdrawn",
            f"{release.slug}@{release.version}",
            images=len(fresh),
            ordinals=fresh.to_array().tolist(),
            reason=reason,
        )
        renewed = tuple(_renew(session, release, fresh, by))
    return WithdrawReport(
        dataset=release.slug,
        version=release.version,
        withdrawn=len(fresh),
        already=len(ordinals) - len(fresh),
        renewed=renewed,
    )


def _renew(session: Session, release: Dataset, withdrawn: BitMap, by: str) -> Iterable[Renewed]:
    """Ask the questions of the newest versions that held the images again, the oldest first."""
    creator = Creator(session, release, by)
    newest: dict[str, Subset] = {}
    query = select(Subset).where(Subset.dataset_id == release.id).order_by(col(Subset.id))
    for row in session.exec(query):
        newest[row.name] = row
    for row in sorted(newest.values(), key=key_of):
        members = load(row.members)
        if not members.intersect(withdrawn):
            continue
        # A list, or an answer from elsewhere, is not kept but for its members.
        kept = {"list", "answer"} & {step["kind"] for step in row.steps}
        listed = members if kept else None
        after = creator.create(ask_again(row, listed))
        yield Renewed(row.name, row.version, after.version, row.images, after.images)
