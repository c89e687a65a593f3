"""What a Git repository says of a project's files: which are tracked, and which are ignored.

Only its files are read: a repository's own settings could make the program Git run others.
"""

from __future__ import annotations

import logging
import os
import stat
from collections.abc import Iterator
from pathlib import Path

from .walk import Ignore

_LONGEST = 4096  # bytes of a file that names a repository
_SUBMODULE = 0o160000  # the mode of an entry that stands for another repository's commit
_DEEPEST = 8  # submodules within one another


def top_of(root: Path) -> Path | None:
    """Return the top of the work tree that a folder is in, None when it is in none."""
    place = str(root.absolute())
    while (git := _git_in(place)) is None:
        above = os.path.dirname(place)  # noqa: PTH120 - a thousand times, so not by paths
        if above == place:
            return None
        place = above
    return Path(place) if git else None


def _git_in(place: str) -> str | None:
    """Return where the repository of a work tree is; empty when it is said and not there.

    A work tree beside the first one, and a submodule, have a file that names it.
    """
    git = f"{place}/.git"
    try:
        mode = os.stat(git).st_mode  # noqa: PTH116
    except OSError:
        return None
    if stat.S_ISDIR(mode):
        return git
    if not stat.S_ISREG(mode):
        return None
    try:
        with open(git, "rb") as stream:  # noqa: PTH123
            said = os.fsdecode(stream.read(_LONGEST)).strip()
    except OSError:
        return ""
    named = os.path.join(place, said.removeprefix("gitdir:").strip())  # noqa: PTH118
    is_there = said.startswith("gitdir:") and "\0" not in said and os.path.exists(f"{named}/HEAD")  # noqa: PTH110
    return named if is_there else ""


def tracked(root: Path) -> frozenset[str] | None:
    """Return the paths under a folder that are in the index; None where there is no repository.

    What is in the index of a submodule counts, too.
    """
    top = top_of(root)
    if top is None:
        return None
    inside = root.absolute().relative_to(top.absolute()).as_posix()
    prefix = b"" if inside == "." else f"{inside}/".encode()
    return frozenset(
        name[len(prefix) :].decode("utf-8", "surrogateescape")
        for name in _names(str(top), _DEEPEST)
        if name.startswith(prefix)
    )


def _names(top: str, depth: int) -> Iterator[bytes]:
    from dulwich.index import Index

    index = f"{_git_in(top)}/index"
    if not os.path.isfile(index) or os.path.islink(index):  # noqa: PTH113, PTH114
        return
    try:
        entries = list(Index(index).items())
    except Exception:
        return
    for name, entry in entries:
        yield name
        if depth and getattr(entry, "mode", None) == _SUBMODULE and b".." not in name.split(b"/"):
            below = f"{top}/{os.fsdecode(name)}"
            if _git_in(below):
                yield from (name + b"/" + each for each in _names(below, depth - 1))


def index_stamp(root: Path) -> str:
    """Return what changes when the index around a folder does, or one of a submodule."""
    top = top_of(root)
    git = top and _git_in(str(top))
    stamps = []
    for place in (git, *_modules(f"{git}/modules", _DEEPEST)) if git else ():
        try:
            status = os.stat(f"{place}/index")  # noqa: PTH116
        except OSError:
            continue
        stamps.append(f"{status.st_mtime_ns}-{status.st_size}")
    return " ".join(stamps) or "none"


def _modules(place: str, depth: int) -> Iterator[str]:
    """Yield the repositories of submodules, which lie under their paths."""
    try:
        with os.scandir(place) as entries:
            folders = sorted(each.path for each in entries if each.is_dir(follow_symlinks=False))
    except OSError:
        return
    for each in folders if depth else ():
        if os.path.exists(f"{each}/HEAD"):  # noqa: PTH110
            yield each
            yield from _modules(f"{each}/modules", depth - 1)
        else:
            yield from _modules(each, depth - 1)


def ignored(root: Path) -> Ignore | None:
    """Return what tells whether a path is ignored there; None where there is no repository."""
    top = top_of(root)
    if top is None:
        return None
    from dulwich.ignore import IgnoreFilterManager
    from dulwich.repo import Repo

    # What it says of a pattern that is none is not ours to tell, nor in one line.
    logging.getLogger(IgnoreFilterManager.__module__).addHandler(logging.NullHandler())
    try:
        manager = IgnoreFilterManager.from_repo(Repo(str(top)))
    except Exception:
        return None
    inside = root.absolute().relative_to(top.absolute()).as_posix()
    prefix = "" if inside == "." else f"{inside}/"

    def ignore(path: str) -> bool:
        # Asked of `data/` with its slash, the library also answers for `data/*`, of which a later
        # pattern may take something out again; so the files of such a folder are asked themselves.
        return bool(manager.is_ignored(f"{prefix}{path}"))

    return ignore
