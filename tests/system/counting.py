"""Run cxrcat and count what does not depend on the machine: statements, files, bytes, modules.

The child process counts for itself, through the audit events and hooks that Python has, and writes
the counts down when it ends.
"""

from __future__ import annotations

import ast
import os
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from .conftest import COMMAND

# It imports as little as it can, since the modules are counted too.
_PROBE = """
import atexit, os, sys

opened = {}  # how often, by path
statements = 0
files = []  # of modules

def watch(event, arguments):
    if event == "open":
        name = arguments[0]
        if isinstance(name, bytes):
            name = os.fsdecode(name)
        if isinstance(name, str):
            name = os.path.abspath(name)
            if name.endswith((".py", ".pyc")) or ".pyc." in name:  # compiled, or not yet
                files.append(name)
            else:
                opened[name] = opened.get(name, 0) + 1

def executed(_text):
    global statements
    statements += 1

def trace():
    from sqlite3 import dbapi2
    connect = dbapi2.connect
    def traced(*arguments, **options):
        connection = connect(*arguments, **options)
        connection.set_trace_callback(executed)
        return connection
    dbapi2.connect = traced

def tell():
    with open("/proc/self/io", "rb") as facts:
        read = int(facts.readline().split()[1])
    with open("/proc/self/status", "rb") as facts:
        (peak,) = (int(line.split()[1]) for line in facts if line.startswith(b"VmHWM:"))
    modules = sorted(sys.modules)
    code = sum(os.stat(name).st_size for name in files if os.path.exists(name))
    with open(os.environ["COUNTS"], "w") as out:
        out.write(repr((modules, dict(opened), statements, read - code, peak * 1024)))

atexit.register(tell)
if os.environ.get("COUNT_STATEMENTS"):
    trace()
sys.addaudithook(watch)
"""


@dataclass(frozen=True, slots=True)
class Counts:
    """What one run of a command came to.

    `opened` tells how often each file was opened, by absolute path, `read` how many bytes were;
    both leave out the files of modules. `statements` are those that SQLite ran, each row of a bulk
    insert being one. `peak` is the most resident memory, in bytes.
    """

    modules: frozenset[str]
    opened: dict[str, int]
    statements: int
    read: int
    peak: int
    output: str

    def opened_under(self, folder: Path) -> int:
        """Return how often files under a folder were opened."""
        return sum(
            number for name, number in self.opened.items() if Path(name).is_relative_to(folder)
        )


@dataclass(frozen=True)
class Counter:
    """Runs the installed command in a folder, on a catalog, and counts."""

    folder: Path
    catalog: str

    def __call__(self, *arguments: str | Path, statements: bool = True) -> Counts:
        """Run the command with these arguments; it must end with 0, or with 1 for what it found."""
        return self._run([COMMAND, *arguments], {"COUNT_STATEMENTS": "1"} if statements else {})

    def completion(self, words: Sequence[str]) -> Counts:
        """Ask for the completion of the last of some words, as bash does."""
        return self._run(
            [COMMAND],
            {
                "_CXRCAT_COMPLETE": "complete_bash",
                "COMP_WORDS": " ".join(("cxrcat", *words)),
                "COMP_CWORD": str(len(words)),
            },
        )

    def _run(self, command: Sequence[str | Path], env: dict[str, str]) -> Counts:
        probe = self.folder.parent / "probe"
        probe.mkdir(exist_ok=True)
        (probe / "sitecustomize.py").write_text(_PROBE)
        counts = probe / "counts"
        done = subprocess.run(
            command,
            cwd=self.folder,
            env={
                **os.environ,
                **env,
                "PYTHONPATH": str(probe),
                "COUNTS": str(counts),
                "CXRCAT_CATALOG": self.catalog,
            },
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode in (0, 1), done
        modules, opened, statements, read, peak = ast.literal_eval(counts.read_text())
        counts.unlink()
        return Counts(frozenset(modules), opened, statements, read, peak, done.stdout)
