"""See which projects are as they were, before anything that judges them is read.

Trees are looked at by other processes while this one opens the catalog; of unchanged ones there is
little else to do.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple, Self

from ..progress import SILENT, Progress
from . import kept, repository
from .config import Config, read_config
from .model import Wanted
from .parallel import each_of
from .walk import Root, Tree, projects, walk

_NICE = 10  # how far the processes stand back for this one, which has more to do


class Seen(NamedTuple):
    """A project that was looked at: `stamp` changes with anything that an audit sees of it.

    `key` is what it goes by where facts are kept; `tree` is None where the stamp is the one that
    was kept.
    """

    root: Root
    key: str
    config: Config
    stamp: str
    tree: Tree | None


class Survey:
    """The projects at the paths of an audit, and which of them have changed since the last one.

    Use it in a ``with`` statement. Raises `InputError` for a path that is no folder.
    """

    def __init__(self, wanted: Wanted) -> None:
        every: dict[str, Root] = {}  # a project that is named twice is looked at once
        for path in wanted.paths:
            for each in projects(_place(path)):
                every.setdefault(kept.key_of(each.path), each)
        self.roots = list(every.values())
        self.kept = kept.read(wanted.paths)
        stamps = self.kept.stamps
        self._processes = ExitStack()
        self._seen: Iterator[Seen] = self._processes.enter_context(
            each_of(
                lambda root: see(root, wanted, stamps),
                self.roots,
                _stand_back,
            )
        )

    def seen(self, progress: Progress = SILENT) -> Iterator[Seen]:
        """Yield the projects in their order. May be asked for once.

        Raises `InputError` for what a project says wrongly of its audits.
        """
        with self._processes, progress.task("looking", len(self.roots), "files") as advance:
            for each in self._seen:
                yield each
                advance(1)

    def __enter__(self) -> Self:
        """Return the survey."""
        return self

    def __exit__(self, *error: object) -> None:
        """End the processes."""
        self._processes.close()


def see(root: Root, wanted: Wanted, stamps: Mapping[str, str] = MappingProxyType({})) -> Seen:
    """Look at a project, of which a stamp may be kept.

    The stamp is taken before any file is read: what changes meanwhile is seen the next time.
    """
    key, config = kept.key_of(root.path), read_config(root.path)
    index = repository.index_stamp(root.path)
    tree = _look(root, wanted, config)
    stamp = f"{tree.fingerprint} {index} {wanted.full}"
    return Seen(root, key, config, stamp, None if stamps.get(key) == stamp else tree)


def _look(root: Root, wanted: Wanted, config: Config) -> Tree:
    """Return the files of a project that an audit is about."""
    ignore = repository.ignored(root.path) if wanted.respect_gitignore else None

    def leave_out(path: str) -> bool:
        return (
            path in root.without or config.excludes(path) or (ignore is not None and ignore(path))
        )

    return walk(root.path, leave_out if root.without or ignore or config.exclude else None)


def _place(path: str) -> Path:
    """Return a path that ends in a name, by which its project is called: ``..`` is none."""
    place = Path(path)
    return Path(os.path.realpath(place)) if ".." in place.parts else place


def _stand_back() -> None:
    os.nice(_NICE)
