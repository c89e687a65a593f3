"""Which projects are as they were: seen before the catalog is open, and by several processes."""

from __future__ import annotations

import multiprocessing
import os
from dataclasses import replace
from pathlib import Path

import pytest

from cxrcat.catalog import Catalog
from cxrcat.catalog.audit import ProjectReport, Wanted, gather, kept, run
from cxrcat.catalog.audit.evidence import Reader
from cxrcat.catalog.audit.known import Known
from cxrcat.catalog.audit.model import Facts
from cxrcat.catalog.audit.survey import Seen, Survey
from cxrcat.catalog.audit.walk import Tree
from cxrcat.schemas.errors import InputError

FEW, MANY = 3, 30


@pytest.fixture(params=[FEW, MANY])
def wanted(request: pytest.FixtureRequest, tmp_path: Path) -> Wanted:
    """Write projects, so few that one process looks at them, or more; return what asks for all."""
    for number in range(request.param):
        root = tmp_path / "projects" / f"p{number:02}"
        (root / "src").mkdir(parents=True)
        (root / "README.md").write_text(f"# {number}\n\nWe train on NIH ChestX-ray14.\n")
        (root / "src" / "train.py").write_text("epochs = 10\n")
    return Wanted(paths=(str(tmp_path / "projects"),), record=False)


def _changed(wanted: Wanted) -> list[str]:
    with Survey(wanted) as survey:
        return [each.root.path.name for each in survey.seen() if each.tree is not None]


def test_what_changed_is_seen_and_nothing_else(
    sqlite_location: str, wanted: Wanted, tmp_path: Path
) -> None:
    projects = tmp_path / "projects"
    every = sorted(path.name for path in projects.iterdir())
    assert _changed(wanted) == every
    with Catalog.open(sqlite_location) as catalog:
        catalog.audit(wanted)
    assert _changed(wanted) == []
    place = projects / "p01" / "src" / "train.py"
    before = place.stat()
    place.write_text("epochs = 20\n")  # in place: the folder is as it was, and so is the size
    os.utime(place, ns=(before.st_atime_ns, before.st_mtime_ns + 1))
    assert _changed(wanted) == ["p01"]
    (projects / "p02" / "src" / "more.py").write_text("")
    assert _changed(wanted) == ["p01", "p02"]
    assert _changed(replace(wanted, full=True)) == every


def test_an_audit_takes_a_survey_that_was_begun_before(
    sqlite_location: str, wanted: Wanted
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        first = catalog.audit(wanted)
    with Survey(wanted) as survey, Catalog.open(sqlite_location) as catalog:
        assert catalog.audit(wanted, survey=survey).projects == first.projects


def test_what_a_project_says_wrongly_is_told_of_by_the_audit(
    sqlite_location: str, wanted: Wanted, tmp_path: Path
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.audit(wanted)
        place = tmp_path / "projects" / "p02" / "cxrcat.toml"
        place.write_text("[audit]\nexcludes = []\n")
        with pytest.raises(InputError, match=r"p02/cxrcat\.toml: audit\.excludes: "):
            catalog.audit(wanted)
        place.write_text("[audit]\nexclude = []\n")
        assert _changed(wanted) == ["p02"]


def test_what_is_staged_while_a_project_is_read_is_seen_the_next_time(
    sqlite_location: str, wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    index = tmp_path / "projects" / "p00" / ".git" / "index"
    index.parent.mkdir()
    index.write_bytes(b"before")
    real = gather.gather

    def slow(known: Known, reader: Reader, root: Path, tree: Tree, full: bool) -> Facts:
        facts = real(known, reader, root, tree, full)
        if root.name == "p00":
            index.write_bytes(b"staged meanwhile")
        return facts

    monkeypatch.setattr(gather, "gather", slow)
    with Catalog.open(sqlite_location) as catalog:
        catalog.audit(wanted)
    assert _changed(wanted) == ["p00"]


def test_a_survey_that_nobody_asks_ends_its_processes(wanted: Wanted) -> None:
    with Survey(wanted):
        pass
    assert multiprocessing.active_children() == []


def test_what_an_interrupted_audit_found_is_kept(
    sqlite_location: str, wanted: Wanted, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        real = run._judged
        judged: list[str] = []

        def until(known: Known, seen: Seen, wanted: Wanted, facts: Facts) -> ProjectReport:
            if len(judged) == 2:
                raise KeyboardInterrupt
            judged.append(seen.root.path.name)
            return real(known, seen, wanted, facts)

        monkeypatch.setattr(run, "_judged", until)
        with pytest.raises(KeyboardInterrupt):
            catalog.audit(wanted)
    assert judged == ["p00", "p01"]
    every = sorted(path.name for path in Path(wanted.paths[0]).iterdir())
    assert _changed(wanted) == every[3:]  # the third was read, and not judged


def test_what_is_kept_of_another_state_of_the_catalog_is_found_anew(
    sqlite_location: str, wanted: Wanted
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        first = catalog.audit(wanted)
        kept.write(wanted.paths, "another", kept.read(wanted.paths).stamps, {})
        assert _changed(wanted) == []
        assert catalog.audit(wanted).projects == first.projects
        now = kept.read(wanted.paths)
        assert set(kept.facts_of(now, now.state)) == set(now.stamps)


def test_a_folder_whose_name_is_no_text_is_kept_too(sqlite_location: str, tmp_path: Path) -> None:
    root = tmp_path / os.fsdecode(b"caf\xe9")
    root.mkdir()
    (root / "README.md").write_text("We train on NIH ChestX-ray14.\n")
    wanted = Wanted(paths=(str(root),), record=False)
    with Catalog.open(sqlite_location) as catalog:
        catalog.audit(wanted)
    assert _changed(wanted) == []


def test_a_project_that_is_named_in_two_ways_is_audited_once(
    sqlite_location: str, wanted: Wanted, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "projects" / "p02" / "README.md").write_text("Nothing of the kind.\n")
    twice = replace(wanted, paths=("projects/p00", *wanted.paths, "projects/p01"))
    with Catalog.open(sqlite_location) as catalog:
        found = catalog.audit(twice).projects
    assert len({each.name for each in found}) == len(found)
    assert [each.name for each in found if not each.facts.concerned] == ["p02"]


def test_facts_that_another_build_kept_are_not_used(sqlite_location: str, wanted: Wanted) -> None:
    with Catalog.open(sqlite_location) as catalog:
        first = catalog.audit(wanted)
        now = kept.read(wanted.paths)
        other = now._replace(facts=b'{"key": {"other": 1}}')
        assert kept.facts_of(other, now.state) == {}
        assert catalog.audit(wanted).projects == first.projects
