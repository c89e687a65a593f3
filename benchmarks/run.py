"""Time cxrcat beside programs that do the same work, and say which goals are met.

A goal is a ratio to a peer that runs in turn with cxrcat on the same data, since machines differ
and are shared. Each job is a script in `jobs/`.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import platform
import statistics
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

from measure import BenchError, Contender, Job, Race, Result, run_race, seconds

_INTRODUCTION = """\
# How long people wait

Each job of cxrcat beside the program that a user would otherwise run, in turn on the same data.
`make bench ARGS='--write docs/speed.md'` makes this page anew, `make bench ARGS=audit` runs one
job. The first row of a table is the one that ratios and goals are about; *10 × data* says how many
times as long a row takes as with a tenth of the data.
"""
JOBS = Path(__file__).parent / "jobs"
Times = dict[str, float]  # seconds of the contenders of a race, by name

_SHORT = 0.1  # seconds, below which a digit more is shown
_HEADER = ("", "wall s", "CPU s", "MB", "ratio", "10 × data", "goal", "")


def main() -> int:
    """Run the jobs that were asked for; end with 2 when one cannot be run."""
    names = sorted(path.stem.replace("_", "-") for path in JOBS.glob("[a-z]*.py"))
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument(
        "jobs", nargs="*", metavar="JOB", help=f"all without it: {', '.join(names)}"
    )
    parser.add_argument("--runs", type=int, default=7, metavar="N", help="timed runs (default 7)")
    parser.add_argument("--json", action="store_true", help="print one JSON document")
    parser.add_argument(
        "--write", type=Path, metavar="FILE", help="write the tables to a file of Markdown, too"
    )
    asked = parser.parse_args()
    unknown = sorted(set(asked.jobs) - set(names))
    if asked.json and asked.write:
        parser.error("--write writes tables, --json prints a document: one of them")
    if unknown or asked.runs < 1:
        parser.error(f"no such job: {unknown[0]}" if unknown else "at least one run is needed")
    found = []
    page = [_INTRODUCTION]

    def say(text: str) -> None:
        _say(text)
        page.append(text)

    try:
        for name in asked.jobs or names:
            job = _load(name)
            if not asked.json:
                say(f"## {name}\n\n{job.what}\nGoal: {job.goal_from}\n")
            times: dict[str, Times] = {}
            missed = False
            for race, results in _run(job, asked.runs):
                times[race.title] = {each.name: seconds(each, results) for each in race.contenders}
                tenth = times[race.tenth] if race.tenth else {}
                found.append(_facts(name, race, results, tenth))
                missed = missed or any(each["met"] is False for each in found[-1]["contenders"])
                if not asked.json:
                    say(_table(race, results, tenth))
            if missed and job.short_of and not asked.json:
                say(f"Where a goal is missed: {job.short_of}\n")
    except BenchError as error:
        sys.stderr.write(f"bench: {error}\n")
        return 2
    if asked.json:
        document = {"machine": _machine(), "runs": asked.runs, "races": found}
        _say(json.dumps(document, indent=2))
    else:
        facts = "; ".join(f"{name} {value}" for name, value in _machine().items())
        say(
            f"Medians of {asked.runs} interleaved runs after one to warm up; MB is the peak of "
            "resident memory.\n"
            f"{facts}."
        )
    if asked.write:
        beside = asked.write.with_name(f"{asked.write.name}.new")
        beside.write_text("\n".join(page) + "\n", encoding="utf-8")
        beside.replace(asked.write)
    return 0


def _load(name: str) -> Job:
    path = JOBS / f"{name.replace('-', '_')}.py"
    spec = importlib.util.spec_from_file_location(path.stem, path)
    if spec is None or spec.loader is None:
        raise BenchError(f"{path} cannot be imported")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    job: Job = module.JOB
    return job


def _run(job: Job, runs: int) -> Iterator[tuple[Race, dict[str, Result]]]:
    with tempfile.TemporaryDirectory(prefix="cxrcat-bench-") as folder:
        for race in job.prepare(Path(folder)):
            yield race, run_race(race, runs)


def _ratio(race: Race, each: Contender, results: dict[str, Result]) -> float:
    return seconds(each, results) / seconds(race.contenders[0], results)


def _growth(each: Contender, results: dict[str, Result], tenth: Times) -> float | None:
    """Return how many times as long it takes as with a tenth of the data, if that was raced."""
    before = tenth.get(each.name, 0.0)
    return seconds(each, results) / before if before > 0 else None


def _verdict(each: Contender, ratio: float) -> str:
    if each.goal is None:
        return ""
    return "met" if ratio <= each.goal else "missed"


def _table(race: Race, results: dict[str, Result], tenth: Times) -> str:
    rows = [(race.title, *_HEADER[1:]), ("---", *["---:"] * 6, "---")]
    for place, each in enumerate(race.contenders):
        result, ratio = results[each.name], _ratio(race, each, results)
        rows.append(
            (
                each.name + (f", less `{each.startup}`" if each.startup else ""),
                _shown(seconds(each, results)),
                _shown(statistics.median(result.cpu)),
                f"{max(result.memory) / 1e6:.0f}",
                f"{ratio:.2f}" if place else "1",
                "" if (growth := _growth(each, results, tenth)) is None else f"× {growth:.1f}",
                "" if each.goal is None else f"{each.goal:g}",
                _verdict(each, ratio),
            )
        )
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = []
    for row in rows:
        cells = [f"{cell:<{width}}" for cell, width in zip(row, widths, strict=True)]
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _shown(duration: float) -> str:
    return f"{duration:.3f}" if duration >= _SHORT else f"{duration:.4f}"


def _facts(job: str, race: Race, results: dict[str, Result], tenth: Times) -> dict[str, Any]:
    return {
        "job": job,
        "race": race.title,
        "contenders": [
            {
                "name": each.name,
                "seconds": seconds(each, results),
                "ratio": (ratio := _ratio(race, each, results)),
                "growth": _growth(each, results, tenth),
                "goal": each.goal,
                "met": None if each.goal is None else ratio <= each.goal,
                "startup": each.startup,
                "runs": asdict(results[each.name]),
            }
            for each in race.contenders
        ],
    }


def _machine() -> dict[str, str]:
    return {
        "Python": platform.python_version(),
        "cores": str(os.cpu_count()),
        "memory": f"{os.sysconf('SC_PAGE_SIZE') * os.sysconf('SC_PHYS_PAGES') / 1e9:.0f} GB",
        "system": f"{platform.system()} {platform.machine()}",
        "file system": _file_system(),
    }


def _file_system() -> str:
    """Return the kind of the file system on which the data is made."""
    try:
        mounts = [line.split() for line in Path("/proc/mounts").read_text().splitlines()]
    except OSError:
        return "unknown"
    place = Path(tempfile.gettempdir()).resolve()
    around = [each for each in mounts if place.is_relative_to(each[1])]
    return max(around, key=lambda each: len(each[1]))[2] if around else "unknown"


def _say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
