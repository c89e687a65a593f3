"""Scan tar archives: read once from end to end, and nothing of them is unpacked to the disk."""

from __future__ import annotations

import gzip
import io
import os
import tarfile
from collections.abc import Iterable
from io import BufferedReader
from urllib.parse import quote

from ...schemas.descriptor import SourceSpec
from ...schemas.errors import InputError
from .. import fingerprints
from ..checksums import buffer
from ..progress import Progress
from ..replicas import INODES, Known, Problem, Seen
from ..sources.folder import file_uri
from ..tarballs import BROKEN, LARGEST, Tarball
from .ledger import Ledger, is_dicom, is_gone, looks_like_image
from .look import Inspector, may_be_looked_at

_UNKNOWN = (0, 0, None)  # of no archive, so that a damaged one is read again

_GZIP = b"\x1f\x8b"  # RFC 1952, section 2.3.1


def source_of(path: str, sources: Iterable[SourceSpec]) -> str:
    """Return the name of the source of the descriptor that has an archive of this name."""
    name = path.rpartition("/")[2]
    for spec in sources:
        if any(archive.file == name for archive in spec.archives):
            return spec.slug
    return "archive"


def scan_archive(
    ledger: Ledger,
    path: str,
    source: str,
    pixels: tuple[int, int],
    full: bool,
    progress: Progress,
) -> None:
    """Find the images in an archive, an absolute path, unless it is as it was recorded.

    A damaged archive is noted, with the whole images before the damage. Raises `InputError` when
    the file cannot be read.
    """
    beginning = file_uri(path) + "#"
    try:
        with open(path, "rb") as raw:  # noqa: PTH123 - a pipe was ruled out
            status = os.fstat(raw.fileno())
            pinned = (status.st_mtime_ns, status.st_ino & INODES, str(status.st_size))
            its = [
                Known._make(row) for uri, row in ledger.known.items() if uri.startswith(beginning)
            ]
            there = [row for row in its if not is_gone(row.problem)]
            as_it_was = all((row.modified, row.inode, row.version) == pinned for row in there)
            as_it_was = as_it_was and all(
                ledger.is_known(row.ordinal, row.problem) for row in there
            )
            if there and as_it_was and not full:
                ledger.keep(there)
                for row in there:
                    del ledger.known[row.uri]
                return
            found, problem = _read(ledger, raw, beginning, pixels, status.st_size, progress)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from error
    if problem:
        ledger.problems.append((None, beginning[:-1], Problem.DAMAGED.of(problem)))
    modified, inode, size = pinned if problem is None else _UNKNOWN
    for each in found:
        seen = each._replace(modified=modified, inode=inode, version=size)
        ledger.add(source, seen, ledger.take(each.uri))
    ledger.commit()  # whole, since one of its members says that all of them are known


def _read(
    ledger: Ledger,
    raw: BufferedReader,
    beginning: str,
    pixels: tuple[int, int],
    size: int,
    progress: Progress,
) -> tuple[list[Seen], str | None]:
    """Return the images of an archive, and what is wrong with the archive itself."""
    found: dict[str, Seen] = {}
    packed = raw.read(len(_GZIP)) == _GZIP
    raw.seek(0)
    stream = gzip.GzipFile(fileobj=raw) if packed else raw
    try:
        with progress.task("reading", size, "bytes") as advance:
            archive = Tarball(raw, stream, advance)
            while (member := archive.next()) is not None:
                if not member.isreg():
                    continue
                name = member.name.rpartition("/")[2]
                uri = beginning + quote(os.fsencode(member.name))
                ordinal = ledger.ordinal_of(name)
                if ordinal is not None:
                    seen = _look(ledger, archive, member, ordinal, uri, pixels)
                    found[uri] = _once(found.get(uri), seen)
                    ledger.read += 1
                    ledger.size += seen.size or 0
                elif looks_like_image(name):
                    ledger.strangers.append(uri)
            archive.drain()  # Python leaves the checksum unread once the tar says that it is over
    except BROKEN as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        return list(found.values()), f"is no whole archive: {reason[:200]}"
    return list(found.values()), None


def _look(
    ledger: Ledger,
    archive: Tarball,
    member: tarfile.TarInfo,
    ordinal: int,
    uri: str,
    pixels: tuple[int, int],
) -> Seen:
    if member.issparse() or member.size > LARGEST:
        huge = Problem.DAMAGED.of(f"announces {member.size:,} bytes, which no image has")
        return Seen(ordinal, uri, member.size, problem=huge)
    inspector = Inspector(is_dicom(member.name), pixels)
    view = buffer()
    kept = io.BytesIO()
    with archive.open(member) as stream:
        while count := stream.readinto(view):
            inspector.feed(view[:count])
            if ledger.looks_wanted:
                kept.write(view[:count])
    problem = inspector.problem()
    if ledger.looks_wanted and not is_dicom(member.name) and may_be_looked_at(problem):
        kept.seek(0)
        try:
            with fingerprints.quiet():
                ledger.add_look(ordinal, fingerprints.of_stream(kept, "its pixels"), problem)
        except InputError as error:
            problem = problem or Problem.DAMAGED.of(str(error))
    return Seen(ordinal, uri, inspector.size, inspector.checksum, problem=problem)


def _once(before: Seen | None, seen: Seen) -> Seen:
    """Return a member, which is damaged when an earlier one of its name has other bytes."""
    if before is None or before.checksum == seen.checksum:
        return seen
    return seen._replace(problem=Problem.DAMAGED.of("is there twice, with different bytes"))
