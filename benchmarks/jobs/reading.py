"""A command that only reads the catalog."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from data import catalog
from measure import Contender, Job, Race, installed


def prepare(folder: Path) -> Iterator[Race]:
    """Make a catalog."""
    yield Race(
        "reading",
        [
            Contender("python -c 'import sqlmodel'", [sys.executable, "-c", "import sqlmodel"]),
            Contender(
                "cxrcat subset list",
                [installed("cxrcat"), "--catalog", catalog(folder), "subset", "list"],
                goal=1.3,
            ),
        ],
    )


JOB = Job(
    what="List the subsets of a catalog that is there.",
    goal_from="sqlmodel is what such a command cannot do without; the rest may cost 30 per cent.",
    prepare=prepare,
)
