"""Scan local folders: one walk, and only files that are not as they were recorded are read."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import quote

from .. import fingerprints
from ..checksums import in_batches
from ..progress import Progress
from ..replicas import INODES, Known, Problem, Seen
from ..sources.folder import Folder, file_uri, walk
from .ledger import Ledger, is_dicom, looks_like_image
from .look import File, Look, look_at

if TYPE_CHECKING:
    from ..cluster import Cluster

_KEPT = 1_000  # files after which what was read of them is written down


class _Pending(NamedTuple):
    """A file that must be read, what is recorded of it, and its size in bytes."""

    path: str
    uri: str
    ordinal: int
    size: int
    before: Known | None


def scan_folders(
    ledger: Ledger,
    folders: Sequence[str],
    pixels: tuple[int, int],
    full: bool,
    progress: Progress,
    cluster: Cluster | None = None,
) -> None:
    """Find the images under folders, absolute paths, and read those that changed, or all.

    The workers of a `cluster` read them, where there is one.

    Raises `InputError` when a folder cannot be read; nothing is then recorded.
    """
    waiting = _look_around(ledger, folders, full)
    waiting.sort()
    total = sum(each.size for each in waiting)
    look = ledger.looks_wanted
    files = [File(each.path, is_dicom(each.path), pixels, look) for each in waiting]
    with fingerprints.quiet(), progress.task("reading", total, "bytes") as advance:
        if cluster is None:
            looks = in_batches(files, look_at)
        else:
            looks = cluster.looks(files, lambda place, look: _is_well(waiting[place], look))
        for each, found in zip(waiting, looks, strict=True):
            if found is not None:
                _note(ledger, each, found)
            elif each.before is not None:
                ledger.mark_gone([each.before])
            ledger.commit(least=_KEPT)
            advance(each.size)
        if cluster is not None:
            _confirm(ledger, waiting, files)


def _is_well(each: _Pending, look: Look) -> bool:
    """Tell whether nothing is wrong with a file, and its bytes are those that were recorded."""
    known = None if each.before is None else each.before.checksum
    return look.problem is None and known in (None, look.checksum)


def _confirm(ledger: Ledger, waiting: Sequence[_Pending], files: Sequence[File]) -> None:
    """Read again, here, the files whose bytes differ from those of other replicas."""
    ledger.commit()
    uris = ledger.differing()
    doubted = [place for place, each in enumerate(waiting) if each.uri in uris]
    again = in_batches([files[place] for place in doubted], look_at)
    for place, look in zip(doubted, again, strict=True):
        each = waiting[place]
        if look is not None and look.checksum != uris[each.uri]:
            ledger.correct(Folder.slug, _seen(each, look))


def _look_around(ledger: Ledger, folders: Sequence[str], full: bool) -> list[_Pending]:
    """Note the files that are as they were recorded; return the others that are images'."""
    known, is_known = ledger.known, ledger.is_known
    same: list[tuple[Any, ...]] = []
    others: list[tuple[str, int, tuple[Any, ...] | None]] = []  # path, size, what is recorded
    seen: set[tuple[int, int]] = set()
    for place, entries in chain.from_iterable(walk(folder, seen) for folder in folders):
        beginning = file_uri(place) + "/"
        for entry in entries:  # a hundred thousand times, so the rows are looked at as they are
            name = entry.name
            row = known.pop(beginning + (name if "%" not in name else _quoted(name)), None)
            try:
                status = entry.stat()
            except FileNotFoundError:  # it was there a moment ago
                continue
            facts = (status.st_size, status.st_mtime_ns, status.st_ino & INODES)
            as_it_was = row is not None and row[1:4] == facts and not full
            if row is not None and as_it_was and _was_read(row[4]) and is_known(row[5], row[4]):
                same.append(row)
            else:
                others.append((f"{place}/{name}", status.st_size, row))
    ledger.keep(same)
    return _pending(ledger, others)


def _was_read(problem: str | None) -> bool:
    return problem is None or Problem.UNREADABLE not in problem


def _pending(
    ledger: Ledger, files: Iterable[tuple[str, int, tuple[Any, ...] | None]]
) -> list[_Pending]:
    """Return the files that are images'; note those of other images."""
    waiting = []
    unknown: list[tuple[str, str, int]] = []  # name, path, size
    for path, size, row in files:
        if row is None:
            unknown.append((path.rpartition("/")[2], path, size))
        else:
            before = Known._make(row)
            waiting.append(_Pending(path, before.uri, before.ordinal, size, before))
    ordinals = ledger.ordinals_of(name for name, _, _ in unknown) if unknown else {}
    for name, path, size in unknown:
        if name in ordinals:
            uri = file_uri(path)  # spelt otherwise than it was looked up, where it needs quoting
            waiting.append(_Pending(path, uri, ordinals[name], size, ledger.take(uri)))
        elif looks_like_image(name):
            ledger.strangers.append(file_uri(path))
    return waiting


def _note(ledger: Ledger, each: _Pending, look: Look) -> None:
    ledger.read += 1
    ledger.size += look.size
    ledger.add(Folder.slug, _seen(each, look), each.before)
    if look.bits is not None:
        ledger.add_look(each.ordinal, look.bits, look.problem)


def _seen(each: _Pending, look: Look) -> Seen:
    study, series, instance = look.uids
    return Seen(
        ordinal=each.ordinal,
        uri=each.uri,
        size=look.size if look.checksum else each.size,
        checksum=look.checksum,
        modified=look.modified,
        inode=look.inode,
        problem=look.problem,
        study=study,
        series=series,
        instance=instance,
    )


def _quoted(name: str) -> str:
    return quote(os.fsencode(name))
