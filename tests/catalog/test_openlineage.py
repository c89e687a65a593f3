"""OpenLineage is told of exports and uses by its own client; when it is away, nothing suffers."""

from __future__ import annotations

import json
import logging
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from cxrcat.catalog import Catalog, NewUse, Request, to_openlineage, tracking
from cxrcat.catalog.settings import Settings

from ..gates import Faults, Handler, free_port, serving


@dataclass
class Backend(Faults):
    """What a server was told, and by whom."""

    events: list[dict[str, Any]] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    keys: list[str | None] = field(default_factory=list)


class _Handler(Handler):
    def respond(self) -> None:
        backend: Backend = self.server.state  # type: ignore[attr-defined]
        body = self.body()
        fault = backend.next_fault(self.path)
        if fault is not None and fault.status is not None:
            self.answer(fault.status, b"no")
            return
        backend.events.append(json.loads(body))
        backend.paths.append(self.path)
        backend.keys.append(self.headers.get("Authorization"))
        self.answer(201, b"")


@pytest.fixture
def backend() -> Iterator[tuple[str, Backend]]:
    """Start a server that takes events."""
    state = Backend()
    with serving(_Handler, state) as url:
        yield url, state


@pytest.fixture
def told(sqlite_location: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return the file to which events go."""
    path = tmp_path / "events.jsonl"
    monkeypatch.setenv("CXRCAT_OPENLINEAGE", str(path))
    monkeypatch.setenv("CXRCAT_CATALOG", sqlite_location)
    return path


def events(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


# What the specification 2-0-2 demands of a RunEvent, written from its text.
_DATASET = {"type": "object", "required": ["namespace", "name"]}
_RUN_EVENT = {
    "type": "object",
    "required": ["eventTime", "producer", "schemaURL", "run", "job"],
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "producer": {"type": "string", "format": "uri"},
        "schemaURL": {"type": "string", "format": "uri"},
        "eventType": {"enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"]},
        "run": {
            "type": "object",
            "required": ["runId"],
            "properties": {"runId": {"type": "string", "format": "uuid"}},
        },
        "job": {"type": "object", "required": ["namespace", "name"]},
        "inputs": {"type": "array", "items": _DATASET},
        "outputs": {"type": "array", "items": _DATASET},
    },
}


def check(event: dict[str, Any]) -> None:
    jsonschema.validate(event, _RUN_EVENT, format_checker=jsonschema.FormatChecker())
    for each in [*event["inputs"], *event["outputs"]]:
        for facet in each["facets"].values():
            assert facet["_schemaURL"].startswith("https://openlineage.io/spec/facets/")
            assert facet["_producer"].startswith("urn:cxrcat:")


def test_an_export_and_its_use_are_one_line_of_events(told: Path, tmp_path: Path) -> None:
    model = tmp_path / "model.pt"
    model.write_bytes(b"weights")
    with Catalog.open() as catalog:
        catalog.add_project("thesis")
        manifest, plan = catalog.export(Request("hernia", tmp_path / "hernia"))
        use = NewUse(
            "thesis",
            "training",
            export=manifest.export.id,
            artifacts=(str(model), "https://example.org/a/model"),
        )
        recorded = catalog.record_use(use)
        catalog.record_use(use)  # which changes nothing, and is no event
        host = catalog.settings.host
    exported, used = events(told)
    check(exported)
    check(used)
    assert exported["eventType"] == "COMPLETE"
    assert exported["run"]["runId"] == manifest.export.id
    assert exported["job"] == {
        "namespace": "cxrcat", "name": "export nih-chest-xray/hernia", "facets": {},
    }  # fmt: skip
    assert [(each["namespace"], each["name"]) for each in exported["inputs"]] == [
        ("cxrcat", "nih-chest-xray"),
        ("cxrcat", "nih-chest-xray/hernia"),
        ("cxrcat", "nih-chest-xray/labels/nih"),
    ]
    (folder,) = exported["outputs"]
    assert (folder["namespace"], folder["name"]) == (f"file://{host}", str(plan.destination))
    tags = {tag["key"]: tag["value"] for tag in folder["facets"]["tags"]["tags"]}
    assert tags["cxrcat.digest"] == manifest.subset.digest
    for duty in manifest.duties:
        assert duty.text in folder["facets"]["documentation"]["description"]
    (source,) = used["inputs"]
    assert (source["namespace"], source["name"]) == (folder["namespace"], folder["name"])
    assert source["facets"]["version"] == folder["facets"]["version"]
    assert used["run"]["runId"] == recorded.use.id
    made, elsewhere = used["outputs"]
    assert (made["namespace"], made["name"]) == (f"file://{host}", str(model))
    assert made["facets"]["version"]["datasetVersion"] == recorded.use.artifacts[0].checksum
    assert made["outputFacets"]["outputStatistics"]["size"] == 7
    assert (elsewhere["namespace"], elsewhere["name"]) == ("https://example.org", "a/model")


def test_a_run_that_failed_is_told_as_failed(told: Path, sqlite_location: str) -> None:
    with Catalog.open() as catalog:
        catalog.add_project("thesis")
    with (
        pytest.raises(ValueError, match="13"),
        tracking.training("thesis", subset="hernia", catalog=sqlite_location) as use,
    ):
        raise ValueError("patient 13")
    (event,) = events(told)
    check(event)
    assert (event["eventType"], event["run"]["runId"]) == ("FAIL", use.id)
    assert event["run"]["facets"]["errorMessage"]["message"] == "ValueError"
    assert event["run"]["facets"]["nominalTime"]["nominalStartTime"] <= event["eventTime"]
    assert event["inputs"][0]["name"] == "nih-chest-xray/hernia"


def test_a_run_whose_catalog_is_away_is_told_of_its_folder(
    told: Path, sqlite_location: str, tmp_path: Path
) -> None:
    with Catalog.open() as catalog:
        catalog.export(Request("hernia", tmp_path / "hernia"))
    Path(sqlite_location).rename(tmp_path / "away")
    with tracking.training("thesis", export=tmp_path / "hernia") as use:
        pass
    exported, used = events(told)
    assert used["run"]["runId"] == use.id
    assert used["inputs"][0]["name"] == exported["outputs"][0]["name"]
    Path(tmp_path / "away").rename(sqlite_location)
    with Catalog.open() as catalog:
        catalog.add_project("thesis")
    with Catalog.open() as catalog:
        assert [each.id for each in catalog.uses()] == [use.id]
    assert len(events(told)) == 2  # it was told when it happened


@pytest.mark.parametrize("way", ["ours", "ours with a path", "url", "config", "variables"])
def test_a_server_is_told_by_every_setting(
    way: str,
    backend: tuple[str, Backend],
    sqlite_location: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    url, state = backend
    path = "/api/v1/lineage"
    match way:
        case "ours":
            monkeypatch.setenv("CXRCAT_OPENLINEAGE", url)
            monkeypatch.setenv("OPENLINEAGE_API_KEY", "key")
        case "ours with a path":
            path = "/here/events?workspace=1"
            monkeypatch.setenv("CXRCAT_OPENLINEAGE", url + path)
        case "url":
            monkeypatch.setenv("OPENLINEAGE_URL", url)
            monkeypatch.setenv("OPENLINEAGE_API_KEY", "key")
        case "config":
            config = tmp_path / "lineage.yml"
            config.write_text(json.dumps({"transport": {"type": "http", "url": url}}))
            monkeypatch.setenv("OPENLINEAGE_CONFIG", str(config))
        case _:
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__TYPE", "http")
            monkeypatch.setenv("OPENLINEAGE__TRANSPORT__URL", url)
    for name in ("TYPE", "URL", "AUTH"):  # which the client sets in the environment by itself
        monkeypatch.delenv(f"OPENLINEAGE__TRANSPORT__TRANSPORTS__DEFAULT_HTTP__{name}", False)
    with Catalog.open(sqlite_location) as catalog:
        catalog.export(Request("hernia", tmp_path / "hernia"))
    (event,) = state.events
    check(event)
    assert state.paths == [path]
    assert state.keys == (["Bearer key"] if way in ("ours", "url") else [None])


@pytest.mark.parametrize("wrong", ["refused", "error", "scheme", "folder", "absent"])
def test_a_server_that_is_away_is_one_warning(
    wrong: str,
    backend: tuple[str, Backend],
    sqlite_location: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    capfd: pytest.CaptureFixture[str],
) -> None:
    from ..gates import Fault

    url, state = backend
    place = {
        "refused": f"http://ada:secret@127.0.0.1:{free_port()}/x?token=secret",
        "error": f"{url}/x?token=secret",
        "scheme": "ftp://example.org/secret",
        "folder": str(tmp_path),
        "absent": url,
    }[wrong]
    state.faults.append(Fault(lambda _: True, times=9, status=500))
    monkeypatch.setenv("CXRCAT_OPENLINEAGE", place)
    if wrong == "absent":
        monkeypatch.setitem(sys.modules, "openlineage.client", None)
    with Catalog.open(sqlite_location) as catalog:
        catalog.export(Request("hernia", tmp_path / "hernia"))
        assert [each.state for each in catalog.exports()] == ["published"]
    (record,) = caplog.records
    assert record.name == "cxrcat"
    said = record.getMessage()
    assert said.startswith("OpenLineage was not told: ")
    assert said.isprintable()
    assert "secret" not in said
    assert capfd.readouterr().err == ""
    for name in ("openlineage", "urllib3"):  # they log again as before
        assert logging.getLogger(name).propagate
        kinds = {type(each) for each in logging.getLogger(name).handlers}
        assert kinds <= {logging.NullHandler}


@pytest.mark.parametrize(
    ("environ", "wanted"),
    [
        ({}, False),
        ({"OPENLINEAGE_URL": "http://x"}, True),
        ({"OPENLINEAGE_CONFIG": "x.yml"}, True),
        ({"OPENLINEAGE__TRANSPORT": "{}"}, True),
        ({"OPENLINEAGE_NAMESPACE": "x"}, False),
        ({"OPENLINEAGE_URL": "http://x", "OPENLINEAGE_DISABLED": "true"}, False),
    ],
)
def test_who_asks_for_events(
    environ: dict[str, str], wanted: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    Path("openlineage.yml").write_text("transport: {type: console}")  # not ours, so not asked
    settings = Settings("x", "ada", "here")
    assert to_openlineage.is_wanted(settings, environ) == wanted
    if not environ:
        (tmp_path / ".openlineage").mkdir()
        Path("openlineage.yml").rename(tmp_path / ".openlineage" / "openlineage.yml")
        assert to_openlineage.is_wanted(settings, environ)
