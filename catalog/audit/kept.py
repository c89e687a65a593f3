"""What the last audit of some paths found of each project: kept, and as well forgotten."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from functools import cache as once
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from .. import cache

if TYPE_CHECKING:
    from pydantic import TypeAdapter

    from .model import Facts

_FORMAT = "audit-2"


class Kept(NamedTuple):
    """What is kept: the state of all that facts depend on, and the stamp of each project.

    Projects go by `key_of`. `facts` is JSON, an object of them: it is read when the state is known.
    """

    state: str
    stamps: Mapping[str, str]
    facts: bytes


def key_of(root: Path) -> str:
    """Return what stands for a project's folder, whose name may be no text."""
    return cache.key_of(str(root.absolute()))


def read(paths: Iterable[str]) -> Kept:
    """Return what is kept of an audit of these paths: nothing where it is damaged or missing."""
    data = cache.read(_entry(paths))
    if data is None:
        return Kept("", {}, b"{}")
    head, _, facts = data.partition(b"\n")
    state, stamps = json.loads(head)
    return Kept(state, stamps, facts)


def facts_of(kept: Kept, state: str) -> dict[str, Facts]:
    """Return the facts of the projects; none where the state is another."""
    if kept.state != state:
        return {}
    try:
        return _facts().validate_json(kept.facts)
    except ValueError:  # of another build that calls itself the same
        return {}


def write(
    paths: Iterable[str], state: str, stamps: Mapping[str, str], facts: Mapping[str, Facts]
) -> None:
    """Keep the facts of projects, each for as long as it has the stamp that is given."""
    head = json.dumps([state, stamps]).encode()
    cache.write(_entry(paths), head + b"\n" + _facts().dump_json(dict(facts)))


@once
def _facts() -> TypeAdapter[dict[str, Facts]]:
    # Not needed before the catalog is open, and it takes long to import.
    from pydantic import TypeAdapter

    from .model import Facts

    return TypeAdapter(dict[str, Facts])


def _entry(paths: Iterable[str]) -> str:
    every = "\0".join(sorted(str(Path(path).absolute()) for path in paths))
    return f"{_FORMAT}-{cache.key_of(every)}"
