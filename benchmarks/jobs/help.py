"""What every look at the command line waits for."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

from measure import Contender, Job, Race, installed


def prepare(folder: Path) -> Iterator[Race]:  # noqa: ARG001 - it needs no data
    """Compare with the interpreter alone."""
    cxrcat = installed("cxrcat")
    words = ["_CXRCAT_COMPLETE=complete_bash", "COMP_WORDS=cxrcat ver", "COMP_CWORD=1"]
    completion = ["env", *words]
    yield Race(
        "help",
        [
            Contender("python -c pass", [sys.executable, "-c", "pass"]),
            Contender("cxrcat --help", [cxrcat, "--help"], goal=15),
            Contender("cxrcat --version", [cxrcat, "--version"], goal=8),
            Contender("cxrcat, completion in bash", [*completion, cxrcat], goal=8),
        ],
    )


JOB = Job(
    what="Show the help, the version, and how a command goes on.",
    goal_from="typer's help takes 6.5 times `python -c pass` without rich and 15 with it; "
    "other programs of this kind take 14 to 57.",
    prepare=prepare,
    short_of="to complete a word typer imports the modules of all commands and makes all their "
    "parameters. With Python as pyenv builds it, without optimising by profile, the peer takes "
    "longer, and the ratio was 7.2.",
)
