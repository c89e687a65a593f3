"""Walk project trees: fast, never through a link, and around what other programs keep there."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import NamedTuple

import xxhash

from ...schemas.errors import InputError
from .texts import TextKind, kind_of

_SKIPPED = frozenset(
    [
        ".git",
        ".hg",
        ".svn",
        ".bzr",
        ".tox",
        ".nox",
        ".mypy_cache",
        ".ruff_cache",
        ".pytest_cache",
        ".hypothesis",
        ".ipynb_checkpoints",
        ".venv",
        "__pycache__",
        "node_modules",
        "site-packages",
        ".cache",
        ".eggs",
    ]
)
_EXPORT = "provenance.json"
_MARKS = frozenset(
    [
        _EXPORT,
        "cxrcat.toml",
        "pyproject.toml",
        "setup.py",
        "setup.cfg",
        "requirements.txt",
        "environment.yml",
        "package.json",
        "Project.toml",
        "DESCRIPTION",
        "CITATION.cff",
        "Makefile",
        "Dockerfile",
    ]
)
_OF_WORK = (TextKind.CODE, TextKind.NOTEBOOK, TextKind.TEX, TextKind.BIB)
_DEPTH = 6  # folders below a path in which projects are looked for

Ignore = Callable[[str], bool]


def shown(path: str) -> str:
    """Return a path as results have it: bytes that are no text are replaced."""
    return path if path.isascii() else path.encode("utf-8", "replace").decode()


class File(NamedTuple):
    """A regular file of a project: its path there, its name, and its size in bytes."""

    path: str
    name: str
    size: int

    @property
    def shown(self) -> str:
        """The path as results have it."""
        return shown(self.path)


@dataclass(frozen=True)
class Tree:
    """The regular files under a folder, and what tells whether any of them changed.

    `listing` has of each file, by path, its path, size in bytes, the time in nanoseconds at which
    its content or its mode changed last, and its inode, with NUL after each but the last: text that
    goes to another process as it is.
    `unreadable` are the folders below it that may not be looked into.
    """

    listing: str
    unreadable: tuple[str, ...]

    @property
    def fingerprint(self) -> str:
        """A digest of the listing and of what could not be read."""
        whole = "\n".join([self.listing, *self.unreadable])
        return xxhash.xxh3_128_hexdigest(whole.encode("utf-8", "surrogateescape"))

    @cached_property
    def files(self) -> tuple[File, ...]:
        """The files by path: made when asked for, which they are not where nothing changed."""
        facts = self.listing.split("\0")
        return tuple(
            File(path, path.rpartition("/")[2], int(size))
            for path, size in zip(facts[::4], facts[1::4], strict=False)  # of no file: one and none
        )


@dataclass(frozen=True, slots=True)
class Root:
    """A project's folder; `without` are the folders below it that are projects of their own.

    `marked` tells that a file of it says that it is a project, and not an export of one.
    """

    path: Path
    without: frozenset[str] = frozenset()
    marked: bool = False


def projects(path: Path) -> list[Root]:
    """Return the projects at a path: itself, or those below it.

    A folder is a project when it has a file that only projects have: a repository, a README, a
    build file, a manifest, code or a paper. Repositories in such a folder are projects of their
    own, unless it is one as well. A folder with other files alone, as people keep beside their
    projects, is one too, but for the projects below it; so is each with something in it that holds
    none, so that no data is passed over. Raises `InputError` when there is no such folder.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: leads nowhere; name the folder of a project")
    if not path.is_dir():
        raise InputError(f"{path}: is no folder; name the folder of a project, or of several")
    return _below(path, _DEPTH) or [Root(path)]


def _below(place: Path, depth: int) -> list[Root]:
    folders: list[str] = []
    files: list[str] = []
    for entry in _entries(place):
        if not entry.is_dir(follow_symlinks=False):
            files.append(entry.name)
        elif entry.name == ".git":
            return [Root(place, marked=True)]
        elif not _is_skipped(entry.name):
            folders.append(entry.name)
    if ".git" in files:  # a work tree or a submodule, whose repository is elsewhere
        return [Root(place, marked=True)]
    folders.sort()
    if any(map(_says_project, files)):
        own = [name for name in folders if os.path.lexists(f"{place}/{name}/.git")]
        marked = _EXPORT not in files
        repositories = [Root(place / name, marked=True) for name in own]
        return [Root(place, frozenset(own), marked), *repositories]
    if not depth:
        return [Root(place)] if files or folders else []
    found = [each for name in folders for each in _below(place / name, depth - 1)]
    if not files:
        return found
    marked_ones = [each for each in found if each.marked]
    without = frozenset(each.path.relative_to(place).as_posix() for each in marked_ones)
    return [Root(place, without), *marked_ones]


def _says_project(name: str) -> bool:
    return name in _MARKS or name.upper().startswith("README") or kind_of(name) in _OF_WORK


def walk(root: Path, ignore: Ignore | None = None) -> Tree:
    """Return what is under a folder. `ignore` is asked of each path."""
    found: list[str] = []
    unreadable: list[str] = []
    waiting = [""]
    while waiting:
        place = waiting.pop()
        try:
            _look(root, place, ignore, found, waiting)
        except (FileNotFoundError, NotADirectoryError):  # it went while we looked
            continue
        except OSError:
            unreadable.append(place)
    # A path that begins another comes before it: NUL comes before whatever follows there.
    return Tree("\0".join(sorted(found)), tuple(sorted(unreadable)))


def _look(
    root: Path,
    place: str,
    ignore: Ignore | None,
    found: list[str],
    waiting: list[str],
) -> None:
    """Add the files of one folder, and the folders in it that wait to be looked into."""
    link = os.O_NOFOLLOW if place else 0
    # Asked by its descriptor, the system looks up one name a file and not a path.
    folder = os.open(f"{root}/{place}", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC | link)
    try:
        with os.scandir(folder) as entries:
            listed = list(entries)
        if place and "pyvenv.cfg" in [entry.name for entry in listed]:
            return
        for entry in listed:
            name = entry.name
            path = place + name
            if entry.is_file(follow_symlinks=False):
                if ignore and ignore(path):
                    continue
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # it went while we looked
                    continue
                found.append(f"{path}\0{status.st_size}\0{status.st_ctime_ns}\0{status.st_ino}")
            elif entry.is_dir(follow_symlinks=False) and not (
                _is_skipped(name) or (ignore and ignore(path))
            ):
                waiting.append(f"{path}/")
    finally:
        os.close(folder)


def _is_skipped(folder: str) -> bool:
    return folder in _SKIPPED or folder.endswith(".egg-info")


def _entries(place: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from entries
    except OSError:  # it may not be read, or went while we looked
        return
