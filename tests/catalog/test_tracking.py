"""A run is recorded from Python however it ends, and is never broken by what goes wrong here."""

from __future__ import annotations

import json
import logging
import os
import shutil
import stat
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import cxrcat.catalog
from cxrcat.catalog import Catalog, NewUse, Request, spool, store, tracking
from cxrcat.catalog.uses import UseInfo
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import InputError

HERNIA = "00000003_000.png"


@pytest.fixture
def place(location: str) -> str:
    """Return where a catalog with the project thesis is, closed."""
    with Catalog.open(location) as catalog:
        catalog.add_project("thesis")
    return location


def recorded(place: str) -> list[UseInfo]:
    with Catalog.open(place) as catalog:
        return catalog.uses()


def waiting(place: str) -> list[str]:
    with Catalog.open(place) as catalog:
        return [each.reason for each in catalog.waiting_uses()]


def test_a_run_is_recorded_when_it_ends(
    place: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with Catalog.open(place) as catalog:
        catalog.export(Request("hernia", tmp_path / "hernia"))
    monkeypatch.chdir(tmp_path)
    Path("hernia").rename("moved")
    with cxrcat.catalog.training(
        project="thesis", export="moved", catalog=place, doi="10.1000/182", note="first"
    ) as use:
        use.artifact("model.pt")
        Path("model.pt").write_bytes(b"weights")
        use.artifact(tmp_path / "model.pt")
        use.artifact("https://ada:pw@example.org/model")
        monkeypatch.chdir("moved")
    assert use.recorded
    (found,) = recorded(place)
    assert found.id == use.id
    assert (found.kind, found.outcome, found.failure) == ("training", "completed", None)
    assert [made.place for made in found.artifacts] == [
        str(tmp_path / "model.pt"),
        "https://example.org/model",
    ]
    assert found.artifacts[0].size == 7
    assert (found.dois, found.note, found.by) == (("10.1000/182",), "first", "tester")
    assert found.started is not None
    assert found.started <= found.at
    assert caplog.records == []
    assert not spool.folder().exists()


def test_two_runs_are_two_uses(place: str) -> None:
    for _ in range(2):
        with tracking.training("thesis", subset="hernia", kind="evaluation", catalog=place):
            pass
    assert [(each.kind, each.export) for each in recorded(place)] == [("evaluation", None)] * 2


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (ValueError("patient 13"), "ValueError"),
        (KeyboardInterrupt(), "KeyboardInterrupt"),
        (SystemExit(1), "SystemExit"),
        (SystemExit(0), None),
        (SystemExit(), None),
    ],
)
def test_how_a_run_ended_is_recorded_and_goes_on(
    sqlite_location: str, error: BaseException, failure: str | None
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    with (
        pytest.raises(type(error)) as caught,
        tracking.training("thesis", subset="hernia", catalog=sqlite_location),
    ):
        raise error
    assert caught.value is error
    (found,) = recorded(sqlite_location)
    assert found.failure == failure
    assert found.outcome == ("completed" if failure is None else "failed")
    assert "13" not in str(found.failure)


def test_the_version_is_the_one_of_the_start(place: str) -> None:
    with (
        tracking.training("thesis", subset="hernia", catalog=place),
        Catalog.open(place) as catalog,
    ):
        catalog.withdraw(Withdraw("damaged", images=(HERNIA,)))
    (found,) = recorded(place)
    assert found.subset_version == 1


def _gone(path: Path) -> None:
    path.rename(path.with_suffix(".away"))


def _empty(path: Path) -> None:
    _gone(path)
    path.touch()


def _text(path: Path) -> None:
    _gone(path)
    path.write_text("not a database, and long enough to be read as one")


def _folder(path: Path) -> None:
    _gone(path)
    path.mkdir()


@pytest.mark.parametrize("damage", [_gone, _empty, _text, _folder])
@pytest.mark.parametrize("before", [True, False])
def test_a_catalog_that_is_away_is_told_later(
    sqlite_location: str,
    damage: Callable[[Path], None],
    before: bool,
    caplog: pytest.LogCaptureFixture,
) -> None:
    path = Path(sqlite_location)
    with Catalog.open(path) as catalog:
        catalog.add_project("thesis")
    if before:
        damage(path)
    with tracking.training("thesis", subset="hernia", catalog=path) as use:
        if not before:
            damage(path)
    assert not use.recorded
    assert "waits in" in caplog.records[-1].getMessage()
    assert all(each.getMessage().isprintable() for each in caplog.records)
    (entry,) = spool.entries()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    if path.is_dir():
        path.rmdir()
    path.with_suffix(".away").replace(path)
    (found,) = recorded(sqlite_location)
    assert (found.id, found.subset_version) == (use.id, 1)
    assert not spool.folder().exists()
    assert recorded(sqlite_location) == [found]


def test_a_locked_catalog_is_told_later(
    place: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(tracking, "_WAIT", 1)
    other = store.Store(place)
    with other.writing() as session:
        session.connection()
        with tracking.training("thesis", subset="hernia", catalog=place) as use:
            pass
        assert "locked for 1 seconds" in caplog.text
        assert recorded(place) == []  # a reading command does not wait, nor does it fail
        assert ["was locked" in each for each in waiting(place)] == [True]
    other.close()
    assert [each.id for each in recorded(place)] == [use.id]


def test_a_server_that_is_away_is_told_later(
    request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch
) -> None:
    request.getfixturevalue("postgresql")
    monkeypatch.setattr(tracking, "_WAIT", 2)
    url = "postgresql://ada:secret@127.0.0.1:1/nothing?password=secret"
    with tracking.training("thesis", subset="hernia", catalog=url) as use:
        pass
    assert not use.recorded
    (entry,) = spool.entries()
    assert "secret" not in entry.read_text()
    assert json.loads(entry.read_text())["catalog"] == "postgresql://127.0.0.1:1/nothing"


def test_an_unknown_project_waits_until_it_is_known(
    place: str, caplog: pytest.LogCaptureFixture
) -> None:
    with tracking.training("thesiss", subset="hernia", catalog=place) as use:
        assert "did you mean thesis" in caplog.text  # said at the start, not after hours
    assert not use.recorded
    (reason,) = waiting(place)
    assert "unknown project 'thesiss'" in reason
    with Catalog.open(place) as catalog:
        assert catalog.health().problems == (reason,)
        catalog.add_project("thesiss")
    assert [each.id for each in recorded(place)] == [use.id]
    assert waiting(place) == []


def test_a_use_waits_for_its_own_catalog(sqlite_location: str, tmp_path: Path) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    elsewhere = tmp_path / "other.sqlite"
    with tracking.training("thesis", subset="hernia", catalog=elsewhere):
        pass
    (reason,) = waiting(sqlite_location)
    assert reason.endswith(f"a use waits for the catalog {elsewhere}")
    assert recorded(sqlite_location) == []
    with Catalog.open(sqlite_location) as catalog:
        health = catalog.health()
        assert (health.problems, health.waiting) == ((), (reason,))
    shutil.copy(sqlite_location, elsewhere)
    assert len(recorded(str(elsewhere))) == 1


def test_a_use_finds_its_catalog_by_another_path(sqlite_location: str, tmp_path: Path) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    away = Path(sqlite_location).rename(tmp_path / "away")
    link = tmp_path / "link"  # which is away, too
    (tmp_path / "there").mkdir()
    for folder in (link, tmp_path / "there" / ".."):
        with tracking.training("thesis", subset="hernia", catalog=folder / "catalog.sqlite"):
            pass
    link.symlink_to(tmp_path)
    away.rename(sqlite_location)
    assert len(recorded(sqlite_location)) == 2
    assert waiting(sqlite_location) == []


def test_a_run_before_the_first_command_is_recorded_by_it(tmp_path: Path) -> None:
    place = tmp_path / "new.sqlite"
    with tracking.training("thesis", subset="hernia", catalog=place):
        pass
    with Catalog.open(place) as catalog:
        catalog.add_project("thesis")
    (found,) = recorded(str(place))
    assert (found.subset, found.subset_version) == ("hernia", 1)


def test_a_subset_that_is_there_may_be_newer_than_this_clock(
    sqlite_location: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
        catalog.create_subset("late", "hernia")

    class Slow(datetime):
        @classmethod
        def now(cls, tz: Any = None) -> datetime:
            return datetime.now(tz) - timedelta(minutes=5)

    monkeypatch.setattr(tracking, "datetime", Slow)
    with tracking.training("thesis", subset="late", catalog=sqlite_location) as use:
        pass
    assert use.recorded
    assert [each.subset_version for each in recorded(sqlite_location)] == [1]


def test_a_spooled_subset_without_a_version_is_the_one_of_then(sqlite_location: str) -> None:
    path = Path(sqlite_location)
    with Catalog.open(path) as catalog:
        catalog.add_project("thesis")
        catalog.create_subset("late", "hernia")
    away = path.rename(path.with_suffix(".away"))
    with tracking.training("thesis", subset="hernia", catalog=path):
        pass
    early = json.loads(next(spool.entries()).read_text())
    early |= {"id": str(uuid4()), "subset": "late", "started": "2020-01-01T00:00:00Z"}
    spool.write(early)
    away.rename(path)
    moment = datetime.now(UTC)
    # A version that is made before anything is taken in, but after the run began.
    opened = store.Store(sqlite_location)
    with opened.writing() as session:
        from cxrcat.catalog import withdrawals

        withdrawals.withdraw(session, Withdraw("damaged", images=(HERNIA,)), "ada")
    opened.close()
    (found,) = recorded(sqlite_location)
    assert (found.subset, found.subset_version) == ("hernia", 1)
    assert moment - timedelta(minutes=5) < datetime.fromisoformat(found.at) <= moment
    (reason,) = waiting(sqlite_location)
    assert "was not there yet at 2020-01-01" in reason


@pytest.mark.parametrize(
    "stated",
    [
        {"project": "The Thesis"},
        {"project": None},
        {"kind": "trainng"},
        {"kind": 7},
        {"subset": None},
        {"subset": "a\x1b"},
        {"subset": ""},
        {"subset": 7},
        {"export": "x"},
        {"doi": "x"},
        {"contact": "a\nb"},
        {"note": "\0"},
    ],
)
def test_what_can_never_be_recorded_is_said_at_the_start(
    sqlite_location: str, stated: dict[str, Any], caplog: pytest.LogCaptureFixture
) -> None:
    asked = {"project": "thesis", "subset": "hernia", "catalog": sqlite_location, **stated}
    with tracking.training(**asked) as use:
        assert "this use will not be recorded" in caplog.text
        use.artifact("model.pt")
    assert not use.recorded
    assert len(caplog.records) == 1
    assert not spool.folder().exists()


def test_artefacts_that_are_none_or_gone_do_not_matter(
    sqlite_location: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    with tracking.training("thesis", subset="hernia", catalog=sqlite_location) as use:
        for place in (None, 7, b"model.pt", "a\x1b[31m", "https://", str(tmp_path / "gone.pt")):
            use.artifact(place)  # type: ignore[arg-type]
    (found,) = recorded(sqlite_location)
    assert [(made.place, made.checksum) for made in found.artifacts] == [
        (str(tmp_path / "gone.pt"), None)
    ]
    assert len(caplog.records) == 6


def test_a_run_with_too_many_artefacts_is_recorded_with_the_first(
    sqlite_location: str, caplog: pytest.LogCaptureFixture
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    with tracking.training("thesis", subset="hernia", catalog=sqlite_location, note="") as use:
        for number in range(1002):
            use.artifact(f"https://example.org/{number}")
    (found,) = recorded(sqlite_location)
    assert len(found.artifacts) == 1000
    assert found.note is None
    assert len(caplog.records) == 2


def test_a_place_without_room_for_anything_is_a_warning_with_the_facts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "file"))
    with tracking.training("thesis", subset="hernia", catalog=tmp_path / "no.sqlite") as use:
        pass
    said = caplog.records[-1].getMessage()
    assert use.id in said
    assert json.loads(said[said.index("{") :])["project"] == "thesis"


@pytest.mark.parametrize(
    "module", ["intake", "uses", "slices", "store", "artifacts", "dois", "to_openlineage"]
)
def test_a_part_of_ours_that_cannot_be_imported_breaks_nothing(
    sqlite_location: str, monkeypatch: pytest.MonkeyPatch, module: str
) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    with monkeypatch.context() as patch:
        patch.setitem(sys.modules, f"cxrcat.catalog.{module}", None)
        patch.delattr(cxrcat.catalog, module, raising=False)
        with tracking.training("thesis", subset="hernia", catalog=sqlite_location, doi="10.1000/1"):
            done = True
    assert done
    (found,) = recorded(sqlite_location)
    assert found.dois == ("10.1000/1",)


def test_a_logger_that_raises_breaks_nothing(sqlite_location: str) -> None:
    class Angry(logging.Filter):
        def filter(self, _record: logging.LogRecord) -> bool:
            raise RuntimeError("no")

    angry = Angry()
    logging.getLogger("cxrcat").addFilter(angry)
    try:
        with tracking.training("unknown", subset="hernia", catalog=sqlite_location) as use:
            use.artifact("nothing")
    finally:
        logging.getLogger("cxrcat").removeFilter(angry)
    assert not use.recorded
    assert len(list(spool.entries())) == 1


def entry(catalog: str, **changes: Any) -> dict[str, Any]:
    facts = {
        "format": "cxrcat.use/1",
        "id": str(uuid4()),
        "catalog": spool.name_of(catalog),
        "project": "thesis",
        "export": None,
        "subset": "hernia",
        "kind": "training",
        "failure": None,
        "artifacts": [],
        "dois": [],
        "contact": None,
        "note": None,
        "by": "ada",
        "host": "here",
        "started": datetime.now(UTC).isoformat(),
        "at": datetime.now(UTC).isoformat(),
    }
    return {**facts, **changes}


HOSTILE: dict[str, dict[str, Any]] = {
    "format": {"format": "cxrcat.use/2"},
    "id": {"id": "../../x"},
    "more": {"more": 1},
    "project": {"project": "x\x1b[31m"},
    "both": {"export": "x"},
    "kind": {"kind": "x"},
    "naive": {"at": "2026-01-01T00:00:00"},
    "checksum": {"artifacts": [{"kind": "file", "place": "/x", "checksum": "md5:0"}]},
    "place": {"artifacts": [{"kind": "file", "place": "/x\n"}]},
    "many": {"artifacts": [{"kind": "url", "place": "https://x"}] * 1001},
    "size": {"artifacts": [{"kind": "file", "place": "/x", "size": -1}]},
    "huge": {"artifacts": [{"kind": "file", "place": "/x", "size": 2**70}]},
    "doi": {"dois": ["x"]},
    "by": {"by": "ada\n"},
    "note": {"note": "\x1b"},
    "contact": {"contact": "x" * 3000},
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_entry_is_refused_in_one_line_and_left(sqlite_location: str, name: str) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    spool.folder().mkdir(parents=True)
    path = spool.folder() / "x.json"
    path.write_text(json.dumps(entry(sqlite_location, **HOSTILE[name])))
    good = entry(sqlite_location)
    spool.write(good)
    assert [each.id for each in recorded(sqlite_location)] == [good["id"]]
    (reason,) = waiting(sqlite_location)
    assert len(reason.splitlines()) == 1
    assert reason.startswith(str(path))
    assert path.exists()


def test_what_is_no_file_of_ours_is_left(sqlite_location: str, tmp_path: Path) -> None:
    with Catalog.open(sqlite_location) as catalog:
        catalog.add_project("thesis")
    place = spool.folder()
    place.mkdir(parents=True)
    (tmp_path / "target").write_text(json.dumps(entry(sqlite_location)))
    (place / "link.json").symlink_to(tmp_path / "target")
    (place / "gone.json").symlink_to(tmp_path / "gone")
    os.mkfifo(place / "pipe.json")
    (place / "folder.json").mkdir()
    (place / "junk.json").write_bytes(b"\xff\xfe{")
    (place / "deep.json").write_text("[" * 100_000)
    with (place / "large.json").open("wb") as stream:
        stream.truncate(1 << 30)
    (place / ".half.json.1").write_text("{")
    (place / "notes.txt").write_text("mine")
    assert recorded(sqlite_location) == []
    found = waiting(sqlite_location)
    assert len(found) == 7
    assert all(len(each.splitlines()) == 1 for each in found)
    assert len(list(place.iterdir())) == 9


def test_another_users_entry_is_refused(sqlite_location: str) -> None:
    path = spool.write(entry(sqlite_location))
    if os.geteuid() != 0:
        pytest.skip("only root can give a file away")
    os.chown(path, 65534, -1)
    with pytest.raises(InputError, match="belongs to another user"):
        spool.read(path)


def test_an_entry_that_is_there_twice_is_one_use(place: str) -> None:
    one = entry(place)
    spool.write(one)
    assert len(recorded(place)) == 1
    spool.write(one)  # as after a command that was killed between recording and removing
    assert len(recorded(place)) == 1
    assert not spool.folder().exists()
    spool.write({**one, "kind": "publication"})
    assert [each.kind for each in recorded(place)] == ["training"]
    (reason,) = waiting(place)
    assert f"another use has its id, {one['id']}" in reason


def test_a_stated_use_does_not_stand_in_for_a_spooled_one(place: str) -> None:
    with Catalog.open(place) as catalog:
        stated = catalog.record_use(NewUse("thesis", "training", subset="hernia"))
    spool.write(entry(place))
    assert len(recorded(place)) == 2
    spool.write(entry(place, id=stated.use.id))
    assert len(recorded(place)) == 2
    assert len(waiting(place)) == 1


@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(data=st.binary(max_size=200) | st.text(max_size=100).map(str.encode))
def test_no_bytes_in_the_spool_break_a_command(template: Path, tmp_path: Path, data: bytes) -> None:
    spool.folder().mkdir(parents=True, exist_ok=True)
    (spool.folder() / "x.json").write_bytes(data)
    path = tmp_path / "c.sqlite"
    if not path.exists():
        shutil.copy(template, path)
    with Catalog.open(path) as catalog:
        (found,) = catalog.waiting_uses()
        assert found.reason.startswith(str(spool.folder()))


@pytest.mark.parametrize(
    ("location", "name"),
    [
        ("/data/c.sqlite", "/data/c.sqlite"),
        ("/data/x/../c.sqlite", "/data/c.sqlite"),
        ("sqlite:////data/c.sqlite", "/data/c.sqlite"),
        ("postgresql://ada:pw@db.example.org:5432/c?sslmode=require", "postgresql://db.example.org/c"),
        ("postgres://db.example.org:5433/c", "postgresql://db.example.org:5433/c"),
        ("postgresql+psycopg://DB.example.org/c", "postgresql://db.example.org/c"),
        ("postgresql://ada@/c?host=/run/pg&password=pw", "postgresql:///run/pg/c"),
    ],
)  # fmt: skip
def test_a_catalog_has_one_name_without_secrets(location: str, name: str) -> None:
    assert spool.name_of(location) == name
    assert "pw" not in spool.name_of(location)
