"""Draw docs/terminal.svg: run the commands of the README for real and record what they print."""

from __future__ import annotations

import os
import shlex
import subprocess
import sysconfig
import tempfile
from pathlib import Path

from rich.console import Console
from rich.text import Text

COMMANDS = (
    "cxrcat export --subset pneumothorax",
    "cxrcat subset create adults --where \"pneumothorax and view = 'PA' and age >= 18\"",
    "cxrcat subset show adults",
    "cxrcat verify pneumothorax",
)
OUT = Path(__file__).parent.parent / "docs" / "terminal.svg"


def main() -> None:
    """Record the commands in an empty folder, on a catalog of its own."""
    console = Console(record=True, width=96, file=open(os.devnull, "w"))  # noqa: SIM115, PTH123
    with tempfile.TemporaryDirectory() as folder:
        env = {
            **os.environ,
            "PATH": f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}",
            "CXRCAT_CATALOG": f"{folder}/.catalog/catalog.sqlite",
            "CXRCAT_USER": "ada",
        }
        for command in COMMANDS:
            console.print(Text.assemble(("$ ", "bold green"), (command, "bold")))
            done = subprocess.run(  # noqa: S603 - the commands above
                shlex.split(command),
                cwd=folder,
                env=env,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=True,
            )
            console.print(Text(done.stdout.replace(folder, "/home/ada/work")))
    console.save_svg(str(OUT), title="cxrcat", unique_id="cxrcat")


if __name__ == "__main__":
    main()
