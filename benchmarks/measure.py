"""Time contenders against a peer: interleaved runs, their medians, and ratios beside the goals."""

from __future__ import annotations

import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

RSS_UNIT = 1 if sys.platform == "darwin" else 1024  # bytes of one ru_maxrss


class BenchError(Exception):
    """A benchmark that cannot be run; its text says why, and what to do."""


@dataclass(frozen=True)
class Contender:
    """Something that is timed: a command that runs in `folder`, or a callable in this process.

    `goal` is a ratio to the race's peer. `startup` names a contender whose time is taken off
    before the ratio is made. `before` is called ahead of each run, untimed, and clears
    away what the last one left.
    """

    name: str
    run: Sequence[str | Path] | Callable[[], object]
    goal: float | None = None
    startup: str | None = None
    folder: Path | None = None
    before: Callable[[], object] | None = None


@dataclass(frozen=True)
class Race:
    """Contenders on the same data; the first one is the peer that the goals are about.

    `tenth` is the title of an earlier race of the job, whose contenders of the same names did the
    same with a tenth of the data, to tell how their time grows.
    """

    title: str
    contenders: Sequence[Contender]
    tenth: str | None = None


@dataclass(frozen=True)
class Job:
    """A job with its races; `goal_from` tells where the goals come from.

    `prepare` makes the data of one race after another in a folder of its own. `short_of` says where
    the time goes when a goal is missed, by a profile, and what was tried.
    """

    what: str
    goal_from: str
    prepare: Callable[[Path], Iterator[Race]]
    short_of: str = ""


@dataclass
class Result:
    """What was measured of a contender: seconds of wall and of CPU time, bytes of memory, a run."""

    wall: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    memory: list[int] = field(default_factory=list)

    def add(self, wall: float, cpu: float, memory: int) -> None:
        """Note one run."""
        self.wall.append(wall)
        self.cpu.append(cpu)
        self.memory.append(memory)


def installed(name: str) -> Path:
    """Return a script of the environment that runs this."""
    path = Path(sysconfig.get_path("scripts")) / name
    if not path.is_file():
        raise BenchError(f"{path} is not there; install the project into this environment")
    return path


def peer(name: str, package: str) -> str:
    """Return the path of a program to compare with."""
    path = shutil.which(name)
    if path is None:
        raise BenchError(f"{name} is not installed; on Debian: apt-get install {package}")
    return path


def call(*command: str | Path, folder: Path | None = None) -> str:
    """Run a command that prepares data; return its output."""
    done = subprocess.run(  # noqa: S603 - the commands are those of the jobs
        command, cwd=folder, stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchError(_failure(command, done.returncode, done.stderr))
    return done.stdout


def run_race(race: Race, runs: int) -> dict[str, Result]:
    """Run the contenders in turn, once to warm up and then `runs` times; return each one's runs."""
    results = {each.name: Result() for each in race.contenders}
    for number in range(runs + 1):
        for each in race.contenders:
            if each.before is not None:
                each.before()
            os.sync()  # so that nobody pays for what the one before left to be written
            measured = _in_process(each.run) if callable(each.run) else _whole(each)
            if number:
                results[each.name].add(*measured)
    for each in race.contenders:
        if each.before is not None:
            each.before()
    return results


def seconds(contender: Contender, results: dict[str, Result]) -> float:
    """Return the median of a contender's wall times, without its start-up if that is named."""
    start = statistics.median(results[contender.startup].wall) if contender.startup else 0.0
    return statistics.median(results[contender.name].wall) - start


def _whole(contender: Contender) -> tuple[float, float, int]:
    """Run a command as a whole process; return seconds, CPU seconds and bytes at the peak."""
    assert not callable(contender.run)  # noqa: S101 - for the type checker
    command = [str(part) for part in contender.run]
    launcher = _launcher()
    assert launcher.stdin is not None  # noqa: S101 - as are these
    assert launcher.stdout is not None  # noqa: S101
    folder = None if contender.folder is None else str(contender.folder)
    launcher.stdin.write(json.dumps((command, folder)) + "\n")
    launcher.stdin.flush()
    wall, cpu, memory, code, words = json.loads(launcher.stdout.readline())
    if code:
        raise BenchError(_failure(command, code, words))
    return wall, cpu, memory * RSS_UNIT


def _launcher() -> subprocess.Popen[str]:
    """Return the process that starts commands, with the environment as it is now."""
    global _started
    here = dict(os.environ)
    if _started is None or _started[1] != here:
        if _started is not None:
            _started[0].communicate()
        program = [sys.executable, str(Path(__file__).with_name("launcher.py"))]
        process = subprocess.Popen(  # noqa: S603 - our own
            program, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        _started = process, here
    return _started[0]


_started: tuple[subprocess.Popen[str], dict[str, str]] | None = None


def _in_process(function: Callable[[], object]) -> tuple[float, float, int]:
    start, cpu = time.perf_counter(), time.process_time()
    function()
    wall, cpu = time.perf_counter() - start, time.process_time() - cpu
    return wall, cpu, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * RSS_UNIT


def _failure(command: Sequence[str | Path], code: int, words: str) -> str:
    last = " ".join(words.split())[-500:]
    return f"{' '.join(map(str, command))} ended with {code}: {last}"
