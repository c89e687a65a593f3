"""See which projects are as they were, before anything that judges them is read.

A second audit of unchanged trees has little else to do, and it goes on in other processes while
this one opens the catalog.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Self

from ...schemas.errors import CxrcatError
from .. import cache
from ..progress import SILENT, Progress
from . import repository
from .config import Config, read_config
from .model import Wanted
from .parallel import each_of
from .walk import Root, Tree, projects, walk

_FORMAT = "facts-2"


class Survey:
    """The projects at the paths of an audit, and what is kept of those that have not changed.

    Use it in a ``with`` statement. Raises `InputError` for a path that is no folder.
    """

    def __init__(self, wanted: Wanted) -> None:
        self.roots = list(
            dict.fromkeys(each for path in wanted.paths for each in projects(Path(path)))
        )
        self._seen = [root for root in self.roots if cache.has(_name(root))]
        self._processes = ExitStack()
        self._kept: Iterator[bytes | None] = self._processes.enter_context(
            each_of(lambda root: _kept(root, wanted), self._seen)
        )

    def kept(self, progress: Progress = SILENT) -> list[bytes | None]:
        """Return the entry that is kept of each project, None where it must be looked at anew.

        May be asked for once.
        """
        found = {}
        with self._processes, progress.task("looking", len(self._seen), "files") as advance:
            for root, entry in zip(self._seen, self._kept, strict=True):
                found[root] = entry
                advance(1)
        return [found.get(root) for root in self.roots]

    def __enter__(self) -> Self:
        """Return the survey."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes."""
        self._processes.close()


def look(root: Root, wanted: Wanted, config: Config) -> Tree:
    """Return the files of a project that an audit is about."""
    ignore = repository.ignored(root.path) if wanted.respect_gitignore else None

    def leave_out(path: str) -> bool:
        return (
            path in root.without or config.excludes(path) or (ignore is not None and ignore(path))
        )

    return walk(root.path, leave_out if root.without or ignore or config.exclude else None)


def stamp_of(root: Root, wanted: Wanted, tree: Tree) -> bytes:
    """Return what changes when anything does that an audit sees of a project.

    Take it before the files are read: what changes meanwhile is then seen the next time.
    """
    index = repository.index_stamp(root.path)
    return f"{_FORMAT} {tree.fingerprint} {index} {wanted.full}\n".encode()


def keep(root: Root, stamp: bytes, entry: bytes) -> None:
    """Keep an entry for as long as the project has the stamp."""
    cache.write(_name(root), stamp + entry)


def _kept(root: Root, wanted: Wanted) -> bytes | None:
    stored = cache.read(_name(root))
    if stored is None:
        return None
    try:
        tree = look(root, wanted, read_config(root.path))
    except CxrcatError:  # which is told of where the project is audited
        return None
    stamp = stamp_of(root, wanted, tree)
    return stored[len(stamp) :] if stored.startswith(stamp) else None


def _name(root: Root) -> str:
    return f"audit-{cache.key_of(str(root.path.absolute()))}"
