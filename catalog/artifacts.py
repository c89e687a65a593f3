"""What a use made: files and folders with their checksums, and URLs without their secrets."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from ..schemas.errors import InputError, UsageError
from ..schemas.uses import ArtifactKind
from .checksums import of_bytes, of_file, of_files

_LONGEST = 2000  # characters of a place
_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
_PINS = {"version", "versionid", "generation", "revision", "rev", "ref", "tag"}
_PIN = re.compile(r"[A-Za-z0-9._-]{1,64}")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file, a folder with `files` files, or a URL; `size` in bytes.

    `checksum` is the XXH3-128 of the file, or of the list of the checksums of the folder's files.
    """

    kind: str
    place: str
    files: int | None = None
    size: int | None = None
    checksum: str | None = None


def read(places: Sequence[str]) -> tuple[Artifact, ...]:
    """Return each artefact once, in order; raise `InputError` or `UsageError` for what is none."""
    return tuple(dict.fromkeys(map(read_one, places)))


def read_one(place: str) -> Artifact:
    """Return an artefact with its checksum; see `read`."""
    return url(place) if is_url(place) else _of_path(place)


def is_url(place: str) -> bool:
    """Tell a URL from a path."""
    return _URL.match(place) is not None


def url(place: str) -> Artifact:
    """Return a URL without what may be secret: user, password, fragment, and the query.

    Of the query, only what pins a version stays.
    """
    try:
        parts = urlsplit(place)
        host, port = parts.hostname, parts.port
    except ValueError as error:  # whose words may be those of a password
        raise UsageError(f"{_cut(place)} is not a URL; write scheme://host/path") from error
    if not host or parts.scheme == "file" or not place.isprintable() or " " in place:
        raise UsageError(f"{_cut(place)} is not a URL; write scheme://host/path, or name a file")
    at = parts.netloc.rpartition("@")[2]
    named = at[: at.rfind(":")] if port is not None else at.rstrip(":")
    pins = [
        (name, value)
        for name, value in parse_qsl(parts.query)
        if name.casefold() in _PINS and _PIN.fullmatch(value)
    ]
    netloc = named if port is None else f"{named}:{port}"
    shown = urlunsplit((parts.scheme, netloc, parts.path, urlencode(pins), ""))
    _check_length(shown)
    return Artifact(ArtifactKind.URL, shown)


def path(place: str | Path) -> Artifact:
    """Return a file or folder by its place alone, without looking at it."""
    if not os.fspath(place):
        raise UsageError("the artefact has no name; name its file, its folder or its URL")
    full = os.path.abspath(place)  # noqa: PTH100 - a link stays the name that was given
    if not full.isprintable():
        raise UsageError(f"{_cut(full)}: the name holds a character that cannot be printed")
    _check_length(full)
    return Artifact(ArtifactKind.FILE, full)


def _check_length(place: str) -> None:
    if len(place) > _LONGEST:
        raise UsageError(f"{_cut(place)}: longer than {_LONGEST} characters; shorten it")


def _of_path(given: str) -> Artifact:
    place = path(given).place
    try:
        status = Path(place).stat()
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise InputError(f"{given}: cannot be read: {reason}; name the artefact's file") from error
    if stat.S_ISDIR(status.st_mode):
        return _of_folder(place)
    if not stat.S_ISREG(status.st_mode):
        raise InputError(f"{given}: is neither a file nor a folder")
    return Artifact(ArtifactKind.FILE, place, 1, status.st_size, str(of_file(place)))


def _of_folder(folder: str) -> Artifact:
    """Return a folder with the checksum of what ``xxh128sum`` prints of its files, by path.

    A link to a file counts as the file, as it does for that tool; one to a folder is left out.
    """
    sizes: dict[str, int] = {}
    waiting = [""]
    while waiting:
        below = waiting.pop()
        try:
            with os.scandir(f"{folder}/{below}") as entries:
                for entry in entries:
                    name = f"{below}{entry.name}"
                    if entry.is_dir(follow_symlinks=False):
                        waiting.append(f"{name}/")
                    elif not entry.is_dir():
                        status = entry.stat()
                        if not stat.S_ISREG(status.st_mode):
                            raise InputError(f"{folder}/{name}: is neither a file nor a folder")
                        sizes[name] = status.st_size
        except OSError as error:
            place = error.filename or folder
            raise InputError(f"{place}: cannot be read: {error.strerror}") from error
    if not sizes:
        raise InputError(f"{folder}: holds no file; name the artefact's file or folder")
    names = sorted(sizes, key=os.fsencode)
    found = of_files([f"{folder}/{name}" for name in names])
    lines = [_line(each.digest, name) for name, each in zip(names, found, strict=True)]
    checksum = of_bytes(b"".join(lines))
    return Artifact(ArtifactKind.FOLDER, folder, len(sizes), sum(sizes.values()), str(checksum))


def _line(digest: str, name: str) -> bytes:
    """Return a line of the list; a name with a line break or a backslash is escaped and marked."""
    escaped = name.replace("\\", "\\\\").replace("\n", "\\n").replace("\r", "\\r")
    mark = "\\" if escaped != name else ""
    return f"{mark}{digest}  ".encode() + os.fsencode(escaped) + b"\n"


def _cut(place: str) -> str:
    """Return a place as an error shows it: short, and without what may be a secret."""
    bare = re.sub(r"//.*@", "//…@", place, flags=re.DOTALL).partition("?")[0].partition("#")[0]
    return repr(bare[:80])
