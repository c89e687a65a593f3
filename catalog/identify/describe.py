"""Say what was recognised of each dataset, which subsets and exports hold it, what it owes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from pyroaring import BitMap
from sqlmodel import Session

from ...schemas.tables import Dataset
from .. import images
from ..index import DatasetIndex
from . import holders
from .answer import Answer
from .nearest import Share, nearest, shares
from .report import Contradiction, DatasetFound, How, Match, Twice, Unsure
from .walk import Item

TOP = 5
"""Subsets that are told to be the nearest."""


@dataclass(frozen=True, slots=True)
class Asked:
    """Which places were asked about, and on which host."""

    places: Sequence[str]
    host: str


def describe(
    session: Session, answers: Sequence[Answer], items: Sequence[Item], asked: Asked
) -> tuple[DatasetFound, ...]:
    """Return what was recognised of each dataset, the one with the most images first."""
    by_slug: dict[str, list[Answer]] = {}
    for answer in answers:
        if answer.matched or answer.unsure:
            by_slug.setdefault(answer.naming.release.slug, []).append(answer)
    described = [_describe(session, its, items, asked) for its in by_slug.values()]
    return tuple(sorted(described, key=lambda each: (-each.images, each.dataset)))


def _describe(
    session: Session, answers: Sequence[Answer], items: Sequence[Item], asked: Asked
) -> DatasetFound:
    answer = max(answers, key=lambda each: len(each.matched))
    release, members = answer.naming.release, answer.members
    every: list[Share] = []
    for each in answers:
        for its in each.naming.releases:
            every += shares(session, its, each.members)
    top = nearest(every, TOP)
    exact = top[0] if top and top[0].exact else None
    owner = release
    if exact is not None:
        owner = next(
            its
            for each in answers
            for its in each.naming.releases
            if f"{its.slug}@{its.version}" == exact.dataset
        )
    index = DatasetIndex(session, release)
    exports = holders.exports_of(session, every, asked.places, asked.host)
    names = _names(session, release, answer)
    paths: dict[int, list[str]] = {}
    for place, (ordinal, _, _) in answer.matched.items():
        paths.setdefault(ordinal, []).append(items[place].path)
    return DatasetFound(
        dataset=f"{release.slug}@{release.version}",
        title=release.title,
        images=len(members),
        of_images=release.images,
        patients=index.patients.count(members),
        withdrawn=tuple(names[ordinal] for ordinal in index.withdrawn() & members),
        files={how: sum(each is how for _, each, _ in answer.matched.values()) for how in How},
        matches=tuple(
            Match(items[place].path, names[ordinal], how, bits)
            for place, (ordinal, how, bits) in sorted(answer.matched.items())
        ),
        unsure=tuple(
            Unsure(items[place].path, tuple(names[each] for each in ordinals), how)
            for place, (ordinals, how) in sorted(answer.unsure.items())
        ),
        twice=tuple(
            Twice(names[ordinal], tuple(sorted(its)))
            for ordinal, its in sorted(paths.items())
            if len(its) > 1
        ),
        contradictions=tuple(
            Contradiction(
                items[place].path,
                names[named],
                names[answer.matched[place][0]],
                answer.matched[place][1],
            )
            for place, named in sorted(answer.contradicted.items())
        ),
        subsets=len(every),
        nearest=tuple(top),
        exports=exports,
        projects=tuple(sorted(holders.projects_of(session, every, exports))),
        duties_of=None if exact is None else exact.subset,
        duties=holders.owed(
            session,
            owner,
            exact,
            (items[place].name for place in answer.matched),
        ),
    )


def _names(session: Session, release: Dataset, answer: Answer) -> dict[int, str]:
    every = answer.members | BitMap(answer.contradicted.values())
    every |= BitMap(each for ordinals, _ in answer.unsure.values() for each in ordinals)
    return dict(zip(every, images.names(session, release, every), strict=True))
