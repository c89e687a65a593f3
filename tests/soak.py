"""Many processes at once on one catalog, for as long as is asked; then look at what they left.

    .venv/bin/python tests/soak.py --seconds 60                      # on SQLite
    .venv/bin/python tests/soak.py --seconds 60 --catalog postgresql://…   # an empty database

Each process opens the catalog anew for everything it does, as commands do.
"""

from __future__ import annotations

import argparse
import json
import random
import subprocess
import sys
import tempfile
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field
from pathlib import Path

from sqlmodel import select

from cxrcat.catalog import Catalog, ImageMode, NewUse, Request
from cxrcat.catalog.scan import Scan
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import CxrcatError
from cxrcat.schemas.tables import Event, Export, Subset, Use, Withdrawal

VERBS = ("export", "use", "create", "scan", "withdraw", "read", "backup", "create", "use")


@dataclass
class Done:
    """What one process did, and every error that a user would have seen."""

    exports: list[str] = field(default_factory=list)
    uses: list[str] = field(default_factory=list)
    subsets: list[tuple[str, int]] = field(default_factory=list)
    withdrawn: list[str] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=dict)
    longest: dict[str, float] = field(default_factory=dict)
    errors: list[str] = field(default_factory=list)


class Worker:
    """One of many users; the number decides all that it does."""

    def __init__(self, catalog: str, folder: Path, number: int) -> None:
        self.catalog, self.folder, self.number = catalog, folder, number
        self.lot = random.Random(number)
        self.done = Done()
        self.turn = 0

    def work(self, seconds: float) -> Done:
        """Do one thing after another; nobody may see an error."""
        end = time.monotonic() + seconds
        counts: Counter[str] = Counter()
        while time.monotonic() < end:
            verb = self.lot.choice(VERBS) if self.turn else VERBS[self.number % len(VERBS)]
            start = time.monotonic()
            self.turn += 1
            try:
                with Catalog.open(self.catalog) as catalog:
                    getattr(self, f"_{verb}")(catalog)
            except CxrcatError as error:
                self.done.errors.append(f"{verb}: {error}")
            took = time.monotonic() - start
            counts[verb] += 1
            self.done.longest[verb] = max(took, self.done.longest.get(verb, 0.0))
        self.done.counts = dict(counts)
        return self.done

    def _export(self, catalog: Catalog) -> None:
        place = self.folder / f"out{self.number}-{self.turn}"
        name = self.lot.choice(("hernia", "pneumonia", "common"))
        images = self.folder / "images" if self.lot.random() < 0.5 else None
        request = Request(name, destination=place, project=f"project-{self.turn % 5}")
        if images is not None and name == "hernia":
            request = Request(
                name,
                destination=place,
                mode=ImageMode.COPY,
                source=str(images),
                allow_missing=True,
                allow_withdrawn=True,
            )
        elif name != "common":
            request = Request(name, destination=place, allow_withdrawn=True)
        manifest, _ = catalog.export(request)
        self.done.exports.append(manifest.export.id)

    def _use(self, catalog: Catalog) -> None:
        """Of the last export of this process, else of a subset; stated twice, it is one use."""
        own = self.done.exports[-1] if self.done.exports else None
        project = f"project-{self.turn % 5}"
        catalog.add_project(project)
        use = NewUse(
            project,
            "training",
            export=own,
            subset=None if own else "hernia",
            artifacts=(f"https://models.example/{self.number}-{self.turn}",),
        )
        first, second = catalog.record_use(use), catalog.record_use(use)
        if (first.use.id, second.how) != (second.use.id, "already"):
            self.done.errors.append(f"use: {first} {second}")
        self.done.uses.append(first.use.id)

    def _create(self, catalog: Catalog) -> None:
        """Half under a name that all use: each question is a version of its own."""
        common = self.lot.random() < 0.5
        name = "common" if common else f"own-{self.number}"
        where = f"mass and age > {self.turn % 80} and not name = 'w{self.number}-{self.turn}'"
        made = catalog.create_subset(name, where)
        self.done.subsets.append((made.name, made.version))

    def _scan(self, catalog: Catalog) -> None:
        catalog.scan(Scan([str(self.folder / "images")], full=self.turn % 2 == 0))

    def _withdraw(self, catalog: Catalog) -> None:
        """Few images, so that two often withdraw one at once."""
        name = self.lot.choice([f"00000013_{n:03}.png" for n in range(40)])
        catalog.withdraw(Withdraw("a test", (name,)))
        self.done.withdrawn.append(name)

    def _read(self, catalog: Catalog) -> None:
        catalog.subsets()
        catalog.exports()
        catalog.lineage("hernia")

    def _backup(self, catalog: Catalog) -> None:
        if self.turn % 4 == 1:  # a copy of all, while the others write
            place = self.folder / f"backup{self.number}-{self.turn}.sqlite"
            catalog.backup(place)
            with Catalog.open(place) as copied:
                problems = [each for each in copied.health().problems if "no longer" not in each]
            self.done.errors += [f"backup: {each}" for each in problems]
            place.unlink()


def soak(catalog: str, folder: Path, seconds: float, processes: int = 8) -> list[Done]:
    """Let many processes work at once; return what each did."""
    with Catalog.open(catalog) as opened:
        opened.create_subset("common", "mass")
        names = [row.name for row in list(opened.images("hernia"))[:20]]
    (folder / "images").mkdir()
    for number, name in enumerate(names):
        (folder / "images" / name).write_bytes(_png(number))
    command = [sys.executable, __file__, "--worker", "--folder", str(folder)]
    command += ["--seconds", str(seconds), "--catalog", catalog]
    with ExitStack() as stack:
        started = [
            stack.enter_context(
                subprocess.Popen(
                    [*command, "--number", str(number)],
                    stdout=subprocess.PIPE,
                    stderr=subprocess.PIPE,
                    text=True,
                )
            )
            for number in range(processes)
        ]
        stack.callback(lambda: [each.kill() for each in started])
        ends = [process.communicate(timeout=seconds + 300) for process in started]
    for process, (_, errors) in zip(started, ends, strict=True):
        assert (process.returncode, errors) == (0, ""), errors
    return [_read_done(out) for out, _ in ends]


def check(catalog: str, done: list[Done], folder: Path) -> None:
    """Assert that everything is there once, and nothing else, and that the log holds."""
    errors = [error for each in done for error in each.errors]
    assert not errors, "\n".join(errors)
    with Catalog.open(catalog) as opened:
        assert opened.health().problems == ()
        with opened._store.reading() as session:
            exports = session.exec(select(Export.id, Export.state)).all()
            uses = session.exec(select(Use.id)).all()
            versions = session.exec(select(Subset.name, Subset.version)).all()
            withdrawn = session.exec(select(Withdrawal.ordinal)).all()
            events = session.exec(select(Event.id, Event.kind, Event.subject)).all()
    wanted = sorted(export for each in done for export in each.exports)
    assert sorted(exports) == [(export, "published") for export in wanted]
    stated = [use for each in done for use in each.uses]
    assert sorted(uses) == sorted(stated)
    assert len(set(stated)) == len(stated)
    kinds = Counter((kind, subject) for _, kind, subject in events)
    for export in wanted:
        assert kinds["export.prepared", export] == kinds["export.published", export] == 1
        assert len([*_folders_of(folder, export)]) == 1
    assert sorted(number for number, _, _ in events) == list(range(1, len(events) + 1))
    assert len(set(versions)) == len(versions)
    last = Counter(name for name, _ in versions)
    for name, version in versions:
        assert 1 <= version <= last[name]
        assert kinds["subset.created", f"{name}@{version}"] == 1
    created = [each for one in done for each in one.subsets]
    assert set(created) <= set(versions)
    # Questions differ from turn to turn, so no two calls made one version.
    assert len(set(created)) == len(created)
    assert len(withdrawn) == len({name for each in done for name in each.withdrawn})


def _folders_of(folder: Path, export: str) -> Iterator[Path]:
    for place in folder.glob("out*/provenance.json"):
        if json.loads(place.read_text("utf-8"))["export"]["id"] == export:
            yield place


def _read_done(text: str) -> Done:
    done = Done(**json.loads(text))
    done.subsets = [(name, version) for name, version in done.subsets]
    return done


def _png(seed: int) -> bytes:
    def chunk(kind: bytes, data: bytes) -> bytes:
        body = kind + data
        return len(data).to_bytes(4, "big") + body + zlib.crc32(body).to_bytes(4, "big")

    size = (1024).to_bytes(4, "big")
    rows = b"".join(b"\x00" + bytes([seed]) * 1024 for _ in range(1024))
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", size + size + b"\x08\x00\x00\x00\x00")
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def told(done: list[Done]) -> str:
    """Return how much was done, and how long the longest of each verb took, in seconds."""
    counts: Counter[str] = Counter()
    longest: dict[str, float] = {}
    for each in done:
        counts.update(each.counts)
        for verb, took in each.longest.items():
            longest[verb] = max(took, longest.get(verb, 0.0))
    return ", ".join(
        f"{verb} {counts[verb]} (longest {longest[verb]:.1f} s)" for verb in sorted(counts)
    )


def _run() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--catalog")
    parser.add_argument("--processes", type=int, default=8)
    parser.add_argument("--worker", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--number", type=int, default=0, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    asked = parser.parse_args()
    write: Callable[[str], int] = sys.stdout.write
    if asked.worker:
        done = Worker(asked.catalog, asked.folder, asked.number).work(asked.seconds)
        write(json.dumps(asdict(done)))
        return
    with tempfile.TemporaryDirectory(prefix="cxrcat-soak-") as scratch:
        folder = Path(scratch)
        catalog = asked.catalog or str(folder / "catalog.sqlite")
        every = soak(catalog, folder, asked.seconds, asked.processes)
        write(f"{told(every)}\n")
        check(catalog, every, folder)
        write("everything is there once, and the log holds\n")


if __name__ == "__main__":
    _run()
