"""The main job: a slice with its papers, without images."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from data import catalog, clear
from measure import Contender, Job, Race, installed


def prepare(folder: Path) -> Iterator[Race]:
    """Make a catalog; each export goes to a new folder."""
    place = folder / "pneumothorax"
    words = ["export", "--subset", "pneumothorax", "--images", "none", "--to", place]
    yield Race(
        "export, no images",
        [
            Contender("python -c 'import sqlmodel'", [sys.executable, "-c", "import sqlmodel"]),
            Contender(
                "cxrcat export",
                [installed("cxrcat"), "--catalog", catalog(folder), *words],
                goal=2.0,
                before=clear(place),
            ),
        ],
    )


JOB = Job(
    what="Export the 5,302 images of pneumothorax without the image files, on disk, from a "
    "catalog that is there.",
    goal_from="sqlmodel is what it cannot do without; reading, writing and citing may cost as "
    "much again.",
    prepare=prepare,
    short_of="as long as the import takes what the export itself does: the rows of 5,302 images, "
    "their checksums and the citations (see papers). With Python as pyenv builds it, without "
    "optimising by profile, the import takes longer, and the ratio was 1.75.",
)
