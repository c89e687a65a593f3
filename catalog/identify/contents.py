"""Recognise images by what is in their files: the bytes, and how they look."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlmodel import Session

from ...schemas.errors import InputError
from ...schemas.tables import Dataset, Replica
from .. import fingerprints
from ..checksums import in_batches, of_descriptor
from ..looks import Looks, looks_of
from ..progress import Progress
from .walk import Item

_TABLE: sa.Table = Replica.__table__  # type: ignore[attr-defined]

Owned = dict[int, set[int]]
"""Images by the key of their dataset."""


class Read(NamedTuple):
    """What reading a file gave, or why it could not be read."""

    value: Any = None
    problem: str | None = None


def known_checksums(session: Session, items: Iterable[Item]) -> tuple[dict[str, Owned], set[int]]:
    """Return the images whose bytes the catalog has seen, and the sizes of these, in bytes.

    Only files of the items' sizes are thought of: no other can have the same bytes.
    """
    wanted = {item.size for item in items if item.size}
    found: dict[str, Owned] = {}
    sizes: set[int] = set()
    if not wanted:
        return found, sizes
    columns = _TABLE.c
    query = sa.select(columns.size, columns.checksum, columns.dataset_id, columns.ordinal)
    # The driver's own rows: SQLAlchemy's take half as long again.
    cursor: Any = session.connection().execute(query.where(columns.checksum.is_not(None))).cursor
    for size, checksum, dataset, ordinal in cursor:
        if size in wanted:
            sizes.add(size)
            found.setdefault(checksum, {}).setdefault(dataset, set()).add(ordinal)
    return found, sizes


def checksums_of(items: Sequence[Item], progress: Progress) -> Iterator[Read]:
    """Yield the checksum of each item's file, in order."""
    return _read_all(items, _checksums, "reading", progress)


def looks_like(items: Sequence[Item], progress: Progress) -> Iterator[Read]:
    """Yield the fingerprint of each item's file, in order."""
    with fingerprints.quiet():
        yield from _read_all(items, _looks, "looking", progress)


def known_looks(session: Session, releases: Iterable[Dataset]) -> dict[int, Looks]:
    """Return the fingerprints of the releases that have any, by the key of the release."""
    every = {each.id or 0: looks_of(session, each) for each in releases}
    return {key: looks for key, looks in every.items() if len(looks)}


def _read_all(items: Sequence[Item], read: Any, label: str, progress: Progress) -> Iterator[Read]:
    total = sum(item.size or 0 for item in items)
    with progress.task(label, total, "bytes") as advance:
        for item, found in zip(items, in_batches(items, read), strict=True):
            yield found
            advance(item.size or 0)


def _checksums(items: Sequence[Item]) -> list[Read]:
    return [_checksum(item) for item in items]


def _checksum(item: Item) -> Read:
    if item.file is None:
        return Read()
    try:
        descriptor = os.open(item.file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
        try:
            if not stat.S_ISREG(os.fstat(descriptor).st_mode):
                return Read(problem="is no file any more")
            return Read(str(of_descriptor(descriptor)[0]))
        finally:
            os.close(descriptor)
    except OSError as error:
        return Read(problem=f"cannot be read: {error.strerror}")


def _looks(items: Sequence[Item]) -> list[Read]:
    return [_look(item) for item in items]


def _look(item: Item) -> Read:
    if item.file is None:
        return Read()
    try:
        return Read(fingerprints.of_file(item.file, "it"))
    except InputError as error:
        return Read(problem=str(error).removeprefix("it: "))
