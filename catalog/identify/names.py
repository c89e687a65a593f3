"""Recognise images by the names of their files, as people write them; no file is touched.

An image's name is looked for as it is, with another suffix or none (``00000013_005.jpg``), and
within a longer name (``train_00000013_005_resized.png``). What a name looks like is never assumed:
the parts of a given name are compared with the names that the catalog has.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from typing import Any, NamedTuple

import sqlalchemy as sa
from pyroaring import BitMap
from sqlmodel import Session, col, select

from ...schemas.tables import Dataset, Image

LONGEST = 255  # characters of a name that is looked at; file systems allow no more bytes

_RUN = re.compile(r"[0-9]+|[A-Za-z]+")
_RUNS = 16  # of digits or letters in a name; whatever comes after these is not looked at
_FEWEST = 6  # letters and digits that a part of a longer name must have to stand for an image
_SUFFIXES = 3  # that may have been put after one another: a.png.jpg
_ASKED = 500  # names that one statement asks for
_FEW = 2_000  # names up to which the database is asked for each, not for all that it has
_PARTS = 20_000  # names whose parts are in memory at a time

_TABLE: sa.Table = Image.__table__  # type: ignore[attr-defined]


class Named(NamedTuple):
    """The image that a file's name says it is; `exact` when it is the image's own name."""

    ordinal: int
    exact: bool


@dataclass(frozen=True, slots=True)
class Naming:
    """Releases of one dataset that name the same images alike, and what was found in them.

    `releases` begins with the default one. `found` has the image of each of the given names that is
    one, `ambiguous` those that could be several, with two of these.
    """

    releases: tuple[Dataset, ...]
    found: dict[str, Named] = field(default_factory=dict)
    ambiguous: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def release(self) -> Dataset:
        """The release that the others are named like."""
        return self.releases[0]

    def members(self) -> BitMap:
        """Return the images that were found."""
        return BitMap(each.ordinal for each in self.found.values())


def namings(session: Session, slugs: Iterable[str] | None = None) -> list[Naming]:
    """Return the releases in the catalog, those that name their images alike together."""
    wanted = None if slugs is None else set(slugs)
    groups: dict[tuple[str, str], list[Dataset]] = {}
    query = select(Dataset).order_by(col(Dataset.is_default).desc(), col(Dataset.id))
    for row in session.exec(query):
        if wanted is None or row.slug in wanted:
            groups.setdefault((row.slug, row.names_checksum), []).append(row)
    return [Naming(tuple(rows)) for rows in groups.values()]


def by_names(
    session: Session, names: Iterable[str], among: Sequence[Naming] | None = None
) -> list[Naming]:
    """Return what names of files, with or without folders before them, are in each dataset.

    `among` limits it to some releases, from `namings`. Each is answered anew, and those that have
    none of the images are there, too.
    """
    files: dict[str, list[str]] = {}
    for name in names:
        files.setdefault(base_of(name), []).append(name)
    answers = []
    for naming in namings(session) if among is None else among:
        answer = Naming(naming.releases)
        _find(session, answer, files)
        answers.append(answer)
    return answers


def base_of(name: str) -> str:
    """Return a path's last part, whichever system's it is."""
    return name.replace("\\", "/").rstrip("/").rpartition("/")[2]


def _find(session: Session, answer: Naming, files: dict[str, list[str]]) -> None:
    release = answer.release
    left = [base for base in files if base and len(base) <= LONGEST]
    if len(left) <= _FEW:
        exact = dict(_asked(session, release, left))
    else:
        wanted = set(left)
        exact = {name: ordinal for name, ordinal in _all(session, release) if name in wanted}
    for base, ordinal in exact.items():
        _note(answer, files[base], [(ordinal, True)])
    left = [base for base in left if base not in exact]
    every = iter(left)
    while some := list(islice(every, _PARTS)):
        for base, images in _parts_found(session, release, some).items():
            _note(answer, files[base], [(ordinal, False) for ordinal in images])


def _note(answer: Naming, names: Iterable[str], images: Sequence[tuple[int, bool]]) -> None:
    """Note the image of some names, or that it may be one of several."""
    for name in names:
        if len(images) == 1:
            answer.found[name] = Named(*images[0])
        else:
            answer.ambiguous[name] = (images[0][0], images[1][0])


def _all(session: Session, release: Dataset) -> Iterator[tuple[str, int]]:
    """Yield the names of a release, which pass by; they are never in memory together."""
    query = sa.select(_TABLE.c.name, _TABLE.c.ordinal).where(_TABLE.c.dataset_id == release.id)
    rows: Any = session.connection().execute(query).yield_per(50_000)
    yield from rows


def _asked(session: Session, release: Dataset, names: Iterable[str]) -> Iterator[tuple[str, int]]:
    every = filter(str.isprintable, names)  # others cannot be said in SQL
    while some := list(islice(every, _ASKED)):
        query = sa.select(_TABLE.c.name, _TABLE.c.ordinal).where(
            _TABLE.c.dataset_id == release.id, _TABLE.c.name.in_(some)
        )
        rows: Any = session.connection().execute(query)
        yield from rows


def _parts_found(session: Session, release: Dataset, names: Sequence[str]) -> dict[str, list[int]]:
    """Return the image of each name that holds one; several where they are as likely."""
    parts: dict[str, list[int]] = {}
    for place, name in enumerate(names):
        for part in _parts(name.casefold()):
            parts.setdefault(part, []).append(place)
    if not parts:
        return {}
    best: dict[int, tuple[int, set[int]]] = {}
    for name, ordinal in _all(session, release):
        folded = name.casefold()
        stem = folded.rpartition(".")[0] or folded
        for spelling in (folded, stem) if stem != folded else (folded,):
            for place in parts.get(spelling, ()):
                longest, images = best.get(place, (0, set()))
                if len(stem) > longest:
                    best[place] = (len(stem), {ordinal})
                elif len(stem) == longest:
                    images.add(ordinal)
    return {names[place]: sorted(images) for place, (_, images) in best.items()}


def _parts(name: str) -> set[str]:
    """Return what of a name may be that of an image: all of it, without suffixes, and parts.

    A part begins and ends where digits or letters do, and has digits.
    """
    found = {name}
    stem = name
    for _ in range(_SUFFIXES):
        stem, dot, _suffix = stem.rpartition(".")
        if dot and stem:
            found.add(stem)
    runs = list(islice(_RUN.finditer(name), _RUNS))
    for place, first in enumerate(runs):
        letters, digits = 0, False
        for last in runs[place:]:
            letters += last.end() - last.start()
            digits = digits or last[0][0].isdigit()
            if digits and letters >= _FEWEST:
                found.add(name[first.start() : last.end()])
    return found
