"""Fetch the archives of a source from their owner, each checked against the owner's own MD5.

An MD5 tells whether a file was damaged on its way; it does not withstand somebody who wants to
deceive.
"""

from __future__ import annotations

import errno
import fcntl
import json
import os
import re
import shutil
import stat
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..schemas.descriptor import Archive, Descriptor, SourceKind, SourceSpec
from ..schemas.errors import NotFoundError, SourceError, UsageError
from . import cache
from .checksums import buffer
from .download import Remote, WrongFileError, download, session
from .progress import SILENT, Advance, Progress
from .suggest import unknown

if TYPE_CHECKING:
    from requests import Session

_PART = ".part"
_NUMBER = re.compile(r"\d+")


class State(StrEnum):
    """What was done about an archive."""

    FETCHED = "fetched"
    THERE = "there"
    REPLACED = "replaced"


@dataclass(frozen=True, slots=True)
class Fetched:
    """An archive that is here and whole: its path, its size in bytes and the owner's MD5."""

    file: str
    path: str
    size: int
    md5: str
    state: State


@dataclass(frozen=True, slots=True)
class FetchReport:
    """The archives that were asked for, their owner and the address of the owner's page."""

    source: str
    provider: str
    page: str
    archives: tuple[Fetched, ...]


def fetch(
    descriptor: Descriptor,
    slug: str,
    folder: Path,
    only: Sequence[str] = (),
    progress: Progress = SILENT,
) -> FetchReport:
    """Download a source's archives, or those of the numbers or names in `only`, into a folder.

    One that is here and right is not downloaded again; one that broke off goes on from there, as
    ``FILE.part``. Raises `UsageError` for a source or an archive that is not known, and
    `SourceError` when the network or the disk fails, or when what came is not the owner's file.
    """
    spec = _source(descriptor, slug)
    chosen = _chosen(spec, only)
    _hash()  # which says what is not installed before anything is done
    states = {}
    try:
        with session() as client:
            folder.mkdir(parents=True, exist_ok=True)
            there = [archive for archive in chosen if _is_right(archive, folder, progress)]
            late = [archive for archive in chosen if archive not in there]
            _check_room(folder, late)
            for archive in late:
                states[archive.file] = _fetch(client, archive, folder, spec.uri, progress)
    except OSError as error:
        place = error.filename or folder
        raise SourceError(
            f"{place}: cannot be written: {error.strerror or error}; what has come is kept"
        ) from error
    archives = [
        Fetched(
            file=archive.file,
            path=str(folder / archive.file),
            size=archive.size,
            md5=archive.md5,
            state=states.get(archive.file, State.THERE),
        )
        for archive in chosen
    ]
    return FetchReport(spec.slug, spec.provider, spec.uri, tuple(archives))


def _source(descriptor: Descriptor, slug: str) -> SourceSpec:
    specs = {spec.slug: spec for spec in descriptor.sources}
    with_archives = [name for name, spec in specs.items() if spec.kind is SourceKind.ARCHIVES]
    if slug not in specs:
        raise NotFoundError(unknown("source", slug, with_archives))
    if not specs[slug].archives:
        raise UsageError(f"{slug}: has no archives; 'cxrcat export --from {slug}' takes images")
    return specs[slug]


def _chosen(spec: SourceSpec, only: Sequence[str]) -> list[Archive]:
    """Return the archives of the given names or numbers, in the order of the descriptor."""
    if not only:
        return list(spec.archives)
    named = {archive.file: archive for archive in spec.archives}
    numbers = {_number(archive): archive for archive in spec.archives}
    chosen = set()
    for text in only:
        digits = text.isascii() and text.isdigit() and len(text) <= 9
        archive = named.get(text) or (numbers.get(int(text)) if digits else None)
        if archive is None:
            raise NotFoundError(unknown("archive", text, named))
        chosen.add(archive.file)
    return [archive for archive in spec.archives if archive.file in chosen]


def _number(archive: Archive) -> int | None:
    """Return the number in an archive's name: 1 of ``images_001.tar.gz``."""
    digits = _NUMBER.findall(archive.file.partition(".")[0])
    return int(digits[-1]) if digits else None


def _is_right(archive: Archive, folder: Path, progress: Progress) -> bool:
    """Tell whether an archive is here as its owner published it; one that is known is not read."""
    path = folder / archive.file
    try:
        status = path.stat()
    except FileNotFoundError:
        return False
    if not stat.S_ISREG(status.st_mode):
        raise UsageError(f"{path}: is there and is no file; choose another --to, or move it away")
    return status.st_size == archive.size and _md5_of(path, status, progress) == archive.md5


def _check_room(folder: Path, wanted: Sequence[Archive]) -> None:
    needed = 0
    for archive in wanted:
        part = folder / (archive.file + _PART)
        here = part.stat().st_size if part.is_file() else 0
        needed += max(0, archive.size - here)
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise SourceError(
            f"{folder}: {os.strerror(errno.ENOSPC)}: {len(wanted)} archives need {needed:,} bytes "
            f"more and {free:,} are free; nothing was fetched; --only fetches some of them"
        )


def _fetch(client: Session, archive: Archive, folder: Path, page: str, progress: Progress) -> State:
    path, part = folder / archive.file, folder / (archive.file + _PART)
    remote = Remote(archive.url, archive.size, page)
    with _opened(part) as descriptor:
        with progress.task(f"fetching {archive.file}", archive.size, "bytes") as advance:
            try:
                download(client, remote, descriptor, str(path), advance)
            except WrongFileError:
                part.unlink()
                raise
        os.fsync(descriptor)
        with progress.task(f"checking {archive.file}", archive.size, "bytes") as advance:
            found = _md5(descriptor, advance)
        if found != archive.md5:
            part.unlink()
            raise SourceError(
                f"{path}: what came has the MD5 {found} and not {archive.md5}, which its owner "
                f"publishes; it was not kept; fetch it again, or look at {page}"
            )
        state = State.REPLACED if path.exists() else State.FETCHED
        part.rename(path)
        _sync(folder)
    _remember(path, path.stat(), found)
    return state


@contextmanager
def _opened(part: Path) -> Iterator[int]:
    """Open the file that is being fetched, for this run alone."""
    flags = os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK
    descriptor = os.open(part, flags, 0o666)
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise UsageError(f"{part}: is there and is no file; move it away")
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            mine = os.path.samestat(os.fstat(descriptor), os.lstat(part))
        except (BlockingIOError, FileNotFoundError):  # or another run has just ended
            mine = False
        if not mine:
            raise UsageError(f"{part}: another run is fetching it; wait for it to end")
        yield descriptor
    finally:
        os.close(descriptor)


def _md5_of(path: Path, status: os.stat_result, progress: Progress) -> str:
    """Return a file's MD5: as it was found when the file had this size and this time."""
    try:
        size, modified, known = json.loads(cache.read(_entry(path)) or b"")
        if (size, modified) == (status.st_size, status.st_mtime_ns):
            return str(known)
    except (ValueError, TypeError):
        pass
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
    try:
        with progress.task(f"checking {path.name}", status.st_size, "bytes") as advance:
            found = _md5(descriptor, advance)
    finally:
        os.close(descriptor)
    _remember(path, status, found)
    return found


def _remember(path: Path, status: os.stat_result, found: str) -> None:
    cache.write(_entry(path), json.dumps([status.st_size, status.st_mtime_ns, found]).encode())


def _entry(path: Path) -> str:
    return f"md5-1-{cache.key_of(str(path.absolute()))}"


def _md5(descriptor: int, advance: Advance) -> str:
    """Return the MD5 of an open file, from its first byte on, in hexadecimal."""
    view, hasher, offset = buffer(), _hash(), 0
    while count := os.preadv(descriptor, [view], offset):
        hasher.update(view[:count])
        offset += count
        advance(count)
    digest: bytes = hasher.finalize()
    return digest.hex()


def _hash() -> Any:
    try:
        from cryptography.exceptions import UnsupportedAlgorithm
        from cryptography.hazmat.primitives import hashes
    except ImportError as error:
        raise UsageError("downloads need more packages: pip install 'cxrcat[archives]'") from error
    try:
        return hashes.Hash(hashes.MD5())  # noqa: S303 - the owner publishes no other
    except UnsupportedAlgorithm as error:
        raise UsageError(
            "this system does not compute MD5, which the owner's checksums are (FIPS mode?)"
        ) from error


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
