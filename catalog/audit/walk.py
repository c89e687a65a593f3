"""Walk project trees: fast, never through a link, and around what other programs keep there."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import xxhash

from ...schemas.errors import InputError

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
_MARKS = frozenset(
    [
        ".git",
        "provenance.json",
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
_DEPTH = 6  # folders below a path in which projects are looked for

Ignore = Callable[[str], bool]


@dataclass(frozen=True, slots=True)
class File:
    """A regular file of a project: its path there, its name, and its size in bytes."""

    path: str
    name: str
    size: int

    @property
    def shown(self) -> str:
        """The path as results have it: bytes that are no text are replaced."""
        return self.path.encode("utf-8", "replace").decode()


@dataclass(frozen=True, slots=True)
class Tree:
    """The regular files under a folder, by path, and what tells whether any of them changed."""

    files: tuple[File, ...]
    fingerprint: str


def projects(path: Path) -> list[Path]:
    """Return the projects at a path: itself, or those below it.

    A folder is a project when it has a file that only projects have (a README, a repository, a
    build file, a manifest). Below a folder that is none, each folder with something in it that
    holds no project is one too, so that no data is passed over. Raises `InputError` when there is
    no such folder.
    """
    if path.is_symlink() and not path.exists():
        raise InputError(f"{path}: leads nowhere; name the folder of a project")
    if not path.is_dir():
        raise InputError(f"{path}: is no folder; name the folder of a project, or of several")
    return _below(path, _DEPTH) or [path]


def _below(place: Path, depth: int) -> list[Path]:
    folders, here = [], False
    for entry in _entries(place):
        if entry.is_dir(follow_symlinks=False):
            if entry.name == ".git":
                return [place]
            if not _is_skipped(entry.name):
                folders.append(Path(entry.path))
        elif entry.name in _MARKS or entry.name.upper().startswith("README"):
            return [place]
        else:
            here = True
    if not depth or here:
        return [place] if here or folders else []
    found = [each for folder in sorted(folders) for each in _below(folder, depth - 1)]
    return found or []


def walk(root: Path, ignore: Ignore | None = None) -> Tree:
    """Return what is under a folder. `ignore` is asked of each path."""
    files: list[File] = []
    digest = xxhash.xxh3_128()
    waiting = [""]
    while waiting:
        place = waiting.pop()
        entries = sorted(_entries(root / place if place else root), key=lambda entry: entry.name)
        if place and any(entry.name == "pyvenv.cfg" for entry in entries):
            continue
        for entry in entries:
            path = f"{place}{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                if not (_is_skipped(entry.name) or (ignore and ignore(path))):
                    waiting.append(f"{path}/")
            elif entry.is_file(follow_symlinks=False) and not (ignore and ignore(path)):
                try:
                    status = entry.stat(follow_symlinks=False)
                except OSError:  # it went while we looked
                    continue
                if not stat.S_ISREG(status.st_mode):
                    continue
                files.append(File(path, entry.name, status.st_size))
                stamp = f"\0{status.st_size}\0{status.st_mtime_ns}\0{status.st_ino}\n"
                digest.update(os.fsencode(path) + stamp.encode())
    files.sort(key=lambda file: file.path)
    return Tree(tuple(files), digest.hexdigest())


def _is_skipped(folder: str) -> bool:
    return folder in _SKIPPED or folder.endswith(".egg-info")


def _entries(place: Path) -> Iterator[os.DirEntry[str]]:
    try:
        with os.scandir(place) as entries:
            yield from entries
    except PermissionError as error:
        raise InputError(f"{place}: cannot be read: {error.strerror}; leave it out") from error
    except OSError:  # it went while we looked
        return
