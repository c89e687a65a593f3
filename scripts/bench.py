"""Time the commands that people wait for, each as a whole process with a catalog of its own.

Machines differ and are shared, so the last column says how many times `python -c pass` it took.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

CXRCAT = Path(sys.executable).with_name("cxrcat")
BYTES_OF_MAXRSS = 1 if sys.platform == "darwin" else 1024


@dataclass(frozen=True)
class Case:
    """One command to time."""

    name: str
    command: list[str]
    fresh: bool = False
    """Begin without a catalog each time."""


def cases() -> list[Case]:
    """List what is timed; each case finds what those before it left in the working folder."""
    cxrcat = str(CXRCAT)
    return [
        Case("python -c pass", [sys.executable, "-c", "pass"]),
        Case("--version", [cxrcat, "--version"]),
        Case("--help", [cxrcat, "--help"]),
        Case("subset list, first use", [cxrcat, "subset", "list", "--json"], fresh=True),
        Case("subset list", [cxrcat, "subset", "list", "--json"]),
        Case("export, no images", [cxrcat, "export", "--subset", "pneumothorax", "--force"]),
        Case("verify", [cxrcat, "verify", "pneumothorax"]),
    ]


def run(command: list[str], work: Path, environment: dict[str, str]) -> tuple[float, float]:
    """Run `command` once in `work`; answer with its seconds and its peak memory in megabytes."""
    output = work / "output"
    with output.open("wb") as sink:
        start = time.perf_counter()
        child = subprocess.Popen(  # noqa: S603  # the commands are those above
            command,
            cwd=work,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=sink,
            stderr=sink,
        )
        _, status, usage = os.wait4(child.pid, 0)
        seconds = time.perf_counter() - start
    child.returncode = os.waitstatus_to_exitcode(status)
    if child.returncode != 0:
        words = output.read_text(encoding="utf-8", errors="replace")
        sys.exit(f"bench: {' '.join(command)} ended with {child.returncode}:\n{words}")
    return seconds, usage.ru_maxrss * BYTES_OF_MAXRSS / 1e6


def main() -> None:
    """Time each case and write one line for it."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5, help="how often each runs (default 5)")
    rounds = max(1, parser.parse_args().rounds)

    with tempfile.TemporaryDirectory(prefix="cxrcat-bench-") as folder:
        work = Path(folder)
        catalog = work / "catalog.sqlite"
        environment = os.environ | {"CXRCAT_CATALOG": str(catalog)}
        sys.stdout.write(f"{'command':<24}{'median s':>10}{'peak MB':>10}{'x python':>10}\n")
        unit = 0.0
        for case in cases():
            measured = []
            for _ in range(rounds):
                if case.fresh:
                    for file in work.glob("catalog.sqlite*"):
                        file.unlink()
                measured.append(run(case.command, work, environment))
            median = statistics.median(seconds for seconds, _ in measured)
            peak = max(megabytes for _, megabytes in measured)
            unit = unit or median
            sys.stdout.write(f"{case.name:<24}{median:>10.3f}{peak:>10.0f}{median / unit:>10.1f}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
