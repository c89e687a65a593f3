"""Images in a local folder, in any nesting: copied in blocks, or linked to."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Container, Iterable, Iterator, Mapping, Sequence
from operator import attrgetter
from pathlib import Path
from urllib.parse import quote

import xxhash

from ...schemas.checksum import Checksum
from ...schemas.descriptor import SourceSpec
from ...schemas.errors import InputError, SourceError
from ..checksums import buffer, write_out
from ..progress import Progress
from .base import Found, Shape

_BLOCK = 1 << 16  # bytes that are read, hashed and written while a core's cache still holds them
_PNG = "image/png"
_NAME = attrgetter("name")


class Folder:
    """A local folder; see `base.Source`."""

    slug = "folder"
    spec: SourceSpec | None = None
    media_type = _PNG
    remote = False
    threads = 2  # more of them mostly wait for the folder in which the files are made
    paid_by: str | None = None
    remark = ""

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise InputError(f"{folder}: there is no such folder; --from names one")
        self.place = str(folder)
        self._folder = folder
        self._here = os.getcwd()  # noqa: PTH109 - no path object an image, which takes far longer

    def find(self, names: Sequence[str], progress: Progress) -> Mapping[str, Found]:  # noqa: ARG002
        """Return where each image lies."""
        return find_images(self._folder, names)

    def bring(self, name: str, found: Found, target: str, link: bool) -> tuple[int, Checksum]:  # noqa: ARG002
        """Copy an image, or link to it, and hash it; its bytes are read once."""
        try:
            source = os.open(found.address, os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"{found.address}: cannot be read: {error.strerror}") from error
        try:
            if link:
                _link(found.address, target)
                return _read(source, found.address, None)
            copy = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
            try:
                size, checksum = _read(source, found.address, copy)
                write_out(copy)
            finally:
                os.close(copy)
        finally:
            os.close(source)
        return size, checksum

    def uri_of(self, found: Found) -> str:
        """Return the file's URI."""
        return file_uri(os.path.join(self._here, found.address))  # noqa: PTH118

    def public_uri(self, name: str, found: Found) -> str | None:  # noqa: ARG002
        """Return None: a folder is this machine's own."""
        return None

    def close(self) -> None:
        """Do nothing: no file stays open."""


def _read(source: int, path: str, copy: int | None) -> tuple[int, Checksum]:
    """Hash a file, writing it to `copy` on the way, and check that it is a whole PNG."""
    view = buffer()[:_BLOCK]
    hasher = xxhash.xxh3_128()
    shape = Shape(_PNG, path)
    size = 0
    while True:
        try:
            count = os.readv(source, [view])
        except OSError as error:
            raise InputError(f"{path}: cannot be read: {error.strerror}") from error
        if not count:
            break
        block = view[:count]
        shape.feed(block)
        hasher.update(block)
        written = 0
        while copy is not None and written < count:
            written += os.write(copy, block[written:])
        size += count
    shape.check(size)
    return size, Checksum("xxh128", hasher.hexdigest())


def _link(path: str, target: str) -> None:
    try:
        os.link(path, target)
    except OSError as error:
        if error.errno in (errno.EXDEV, errno.EPERM, errno.EOPNOTSUPP, errno.EMLINK):
            raise SourceError(
                f"{path}: cannot be linked to ({error.strerror}); export with --images copy"
            ) from error
        raise


def file_uri(path: str) -> str:
    """Return the URI of an absolute path (RFC 8089); bytes that are no text are kept."""
    return "file://" + quote(os.fsencode(path))


def find_images(folder: Path, names: Iterable[str]) -> dict[str, Found]:
    """Return where each of the names lies under `folder`; those that are nowhere are left out.

    Raises `InputError` when the folder cannot be read, or when one name stands for files of
    different sizes, as with resized copies beside the originals.
    """
    wanted = set(names)
    found: dict[str, Found] = {}
    for place, files in walk(str(folder), set(), wanted):
        for entry in files:
            path = f"{place}/{entry.name}"
            try:
                _add(found, entry.name, Found(path, entry.stat().st_size))
            except OSError as error:
                raise InputError(f"{path}: cannot be read: {error.strerror}") from error
    return found


def walk(
    folder: str, seen: set[tuple[int, int]], wanted: Container[str] | None = None
) -> Iterator[tuple[str, list[os.DirEntry[str]]]]:
    """Yield each folder under `folder` with its files, or those of the names that are wanted.

    Links are followed, each folder once, and by its own name if it has one here. `seen` remembers
    the folders from walk to walk. The files can be asked for their status until the next folder is
    taken; their `path` is their name alone. Raises `InputError` when a folder cannot be read.
    """
    waiting, linked = [folder], list[str]()
    while waiting or linked:
        place = (waiting or linked).pop()
        files = []
        try:
            opened = os.open(place, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as error:
            raise InputError(f"{place}: cannot be read: {error.strerror}") from error
        try:
            status = os.fstat(opened)
            if (status.st_dev, status.st_ino) in seen:
                continue
            seen.add((status.st_dev, status.st_ino))
            beginning = place.rstrip("/")
            # By its descriptor: each file is then found in it without a path from the root.
            with os.scandir(opened) as entries:
                for entry in sorted(entries, key=_NAME):
                    if (wanted is None or entry.name in wanted) and _is(entry.is_file):
                        files.append(entry)
                    elif _is(entry.is_dir):
                        more = linked if entry.is_symlink() else waiting
                        more.append(f"{beginning}/{entry.name}")
            yield beginning, files
        except OSError as error:
            raise InputError(f"{place}: cannot be read: {error.strerror}") from error
        finally:
            os.close(opened)


def _is(kind: Callable[[], bool]) -> bool:
    """Ask what an entry is; a link that leads nowhere but to itself is nothing."""
    try:
        return kind()
    except OSError as error:
        if error.errno == errno.ELOOP:
            return False
        raise


def _add(found: dict[str, Found], name: str, here: Found) -> None:
    before = found.setdefault(name, here)
    if before.size != here.size:
        raise InputError(
            f"{name} is there twice, as {before.address} of {before.size} bytes and "
            f"{here.address} of {here.size} bytes; name the folder that holds the right ones"
        )
