"""Making, deriving and comparing subsets, each as a whole command."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from data import catalog, subset_of
from measure import Contender, Job, Race, call, installed


def prepare(folder: Path) -> Iterator[Race]:
    """Make a catalog with two subsets, which each run begins from."""
    ready, store = catalog(folder), folder / "used.sqlite"
    subset_of(ready, "half", 56_060)
    cxrcat = installed("cxrcat")
    call(cxrcat, "--catalog", ready, "subset", "create", "adults", "--where", "age >= 18")
    shutil.copyfile(ready, store)
    subset = [cxrcat, "--catalog", store, "subset"]
    commands = {
        "create": ["create", "new", "--where", "pneumothorax and view = 'PA'"],
        "derive": ["create", "new", "--where", "in_subset(half) and not in_subset(adults)"],
        "overlap": ["overlap", "half", "adults"],
    }
    yield Race(
        "subsets",
        [
            Contender("python -c 'import sqlmodel'", [sys.executable, "-c", "import sqlmodel"]),
            *(
                Contender(
                    f"cxrcat subset, {name}",
                    [*subset, *words],
                    before=partial(shutil.copyfile, ready, store),
                )
                for name, words in commands.items()
            ),
        ],
    )


JOB = Job(
    what="Make a subset of a question, one of two others, and compare two of about 50,000 images.",
    goal_from="none yet; sqlmodel is what such a command cannot do without.",
    prepare=prepare,
)
