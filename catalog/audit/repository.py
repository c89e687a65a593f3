"""What a Git repository says of a project's files: which are tracked, and which are ignored.

Only its files are read: a repository's own settings could make the program Git run others.
"""

from __future__ import annotations

import os
from pathlib import Path

from .walk import Ignore


def top_of(root: Path) -> Path | None:
    """Return the top of the work tree that a folder is in, None when it is in none."""
    place = str(root.absolute())
    while not os.path.isdir(f"{place}/.git"):  # noqa: PTH112 - a thousand times, so not by paths
        above = os.path.dirname(place)  # noqa: PTH120
        if above == place:
            return None
        place = above
    return Path(place)


def tracked(root: Path) -> frozenset[str] | None:
    """Return the paths under a folder that are in the index; None where there is no repository."""
    top = top_of(root)
    if top is None:
        return None
    from dulwich.index import Index

    path = top / ".git" / "index"
    if not path.is_file() or path.is_symlink():
        return frozenset()
    inside = root.absolute().relative_to(top.absolute()).as_posix()
    prefix = b"" if inside == "." else f"{inside}/".encode()
    try:
        names = list(Index(str(path)))
    except Exception:
        return frozenset()
    return frozenset(
        name[len(prefix) :].decode("utf-8", "surrogateescape")
        for name in names
        if name.startswith(prefix)
    )


def index_stamp(root: Path) -> str:
    """Return what changes when the index around a folder does."""
    top = top_of(root)
    try:
        status = (top / ".git" / "index").stat() if top else None
    except OSError:
        return "none"
    return f"{status.st_mtime_ns}-{status.st_size}" if status else "none"


def ignored(root: Path) -> Ignore | None:
    """Return what tells whether a path is ignored there; None where there is no repository."""
    top = top_of(root)
    if top is None:
        return None
    from dulwich.ignore import IgnoreFilterManager
    from dulwich.repo import Repo

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
