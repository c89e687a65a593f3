"""Commands that ask BigQuery: a real server behind a gate that bills, keeps caps and fails."""

from __future__ import annotations

import json
import shutil
import sqlite3
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ..bigquery import (
    ATTRIBUTES,
    DICOM,
    PROJECT,
    SIZE,
    TABLE,
    Fault,
    Gate,
    bigquery_server,
    dicom_rows,
    gate_before,
    load,
    reason_of,
)
from ..checks import check_export, check_failure, nih_rows, rows_of
from ..conftest import Run

COLUMNS = (*DICOM, *ATTRIBUTES)
PAYS = ("--billing-project", PROJECT)
INGEST = ("ingest", "nih-chest-xray", "--from", "bigquery")
CREATE = ("subset", "create", "asked", "--engine", "bigquery", "--where")
ROOT = (
    "https://healthcare.googleapis.com/v1/projects/chc-nih-chest-xray/locations/us-central1/"
    "datasets/nih-chest-xray/dicomStores/nih-chest-xray/dicomWeb"
)
PATIENTS = 120
CHOSEN = [row for row in nih_rows().values() if int(row["Patient ID"]) <= PATIENTS]
OWN = f"{PROJECT}.films.metadata"


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with bigquery_server() as url:
        load(url, TABLE, COLUMNS, dicom_rows(CHOSEN))
        load(
            url,
            OWN,
            ["name", "findings", "sex", "age"],
            [
                {
                    "name": row["Image Index"],
                    "findings": row["Finding Labels"],
                    "sex": row["Patient Gender"],
                    "age": row["Patient Age"],
                }
                for row in nih_rows().values()
                if "Hernia" in row["Finding Labels"]
            ],
            {"age": "INTEGER"},
        )
        yield url


@pytest.fixture
def gate(server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[Gate]:
    with gate_before(server) as opened:
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", opened.url)
        yield opened


def replicas(location: str) -> list[tuple[Any, ...]]:
    query = (
        "SELECT image.name, source, uri, study, series, instance, size, checksum FROM replica "
        "JOIN image USING (dataset_id, ordinal) ORDER BY image.name"
    )
    with sqlite3.connect(location) as database:
        rows = database.execute(query).fetchall()
    database.close()
    return rows


def alike(row: dict[str, str]) -> tuple[str, ...]:
    findings = sorted(row["Finding Labels"].split("|"))
    return row["Patient ID"], row["Patient Gender"], row["View Position"], *findings


def test_the_instances_of_images_are_learned_where_only_one_can_be_meant(
    cxrcat: Run, gate: Gate, sqlite_location: str
) -> None:
    times = Counter(map(alike, CHOSEN))
    sure = {
        row["Image Index"]: number for number, row in enumerate(CHOSEN) if times[alike(row)] == 1
    }
    assert 0 < len(sure) < len(CHOSEN)
    done = cxrcat(*INGEST, *PAYS, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert done.stderr.splitlines() == [
        f"{SIZE:,} bytes of {TABLE} will be billed to the project {PROJECT}"
    ]
    told = json.loads(done.stdout)
    assert told == {
        "dataset": "nih-chest-xray",
        "version": "v2020",
        "table": TABLE,
        "rows": len(CHOSEN),
        "matched": len(sure),
        "ambiguous": len(CHOSEN) - len(sure),
        "unknown": 0,
        "new": len(sure),
        "bytes_billed": SIZE,
    }
    recorded = replicas(sqlite_location)
    uids = dicom_rows(CHOSEN)
    assert recorded == [
        (
            name,
            "dicomweb",
            f"{ROOT}/studies/{uid[0]}/series/{uid[1]}/instances/{uid[2]}",
            *uid,
            None,
            None,
        )
        for name, number in sorted(sure.items())
        for uid in [[uids[number][each] for each in DICOM]]
    ]
    assert [job.get("dryRun", False) for job in gate.jobs] == [True, False]
    assert cxrcat("doctor").returncode == 0


def test_the_same_table_again_changes_nothing(
    cxrcat: Run, gate: Gate, sqlite_location: str
) -> None:
    assert cxrcat(*INGEST, *PAYS, "--yes").returncode == 0
    before = replicas(sqlite_location)
    with sqlite3.connect(sqlite_location) as database:
        database.execute("UPDATE replica SET size = 7, checksum = 'xxh128:00'")
        database.commit()
    database.close()
    done = cxrcat(*INGEST, *PAYS, "--yes")
    assert ", 0 of them new;" in done.stderr
    assert done.stdout == "nih-chest-xray@v2020\n"
    assert [row[:6] for row in replicas(sqlite_location)] == [row[:6] for row in before]
    assert {row[6:] for row in replicas(sqlite_location)} == {(7, "xxh128:00")}
    assert len(gate.billed) == 2


def test_another_table_tells_uids_and_not_where_the_instances_are(
    cxrcat: Run, server: str, gate: Gate, sqlite_location: str
) -> None:
    rows = dicom_rows([row for row in CHOSEN if row["Patient ID"] == "1"][:1])
    hostile = {**rows[0], "PatientID": "2", "StudyDescription": "No Finding"}
    rows += [{**hostile, "SOPInstanceUID": uid} for uid in ("../../etc", "", "1" * 65, "1\n2")]
    rows += [{key: value for key, value in hostile.items() if key != "StudyInstanceUID"}]
    load(server, f"{PROJECT}.films.instances", COLUMNS, rows)
    done = cxrcat(*INGEST, *PAYS, "--yes", "--json", "--table", f"{PROJECT}.films.instances")
    told = json.loads(done.stdout)
    assert (told["matched"], told["ambiguous"], told["unknown"]) == (1, 0, 5)
    ((_, source, uri, *_),) = replicas(sqlite_location)
    assert (source, uri) == ("bigquery", f"urn:oid:{rows[0]['SOPInstanceUID']}")
    assert gate.billed


def test_a_question_is_answered_there(
    cxrcat: Run, gate: Gate, work: Path, template: Path, tmp_path: Path
) -> None:
    where = "hernia and sex = 'F' and not (age > 65)"
    assert cxrcat("subset", "create", "here", "--where", where).returncode == 0
    done = cxrcat(*CREATE, where, "--table", OWN, *PAYS, "--yes", "--max-bytes-billed", str(SIZE))
    assert (done.returncode, done.stdout) == (0, "asked@1\n"), done
    assert f"{SIZE:,} bytes of {OWN} will be billed" in done.stderr
    here, there = (
        json.loads(cxrcat("subset", "show", name, "--json").stdout) for name in ("here", "asked")
    )
    for fact in ("digest", "images", "patients", "normal", "query", "reads", "operation"):
        assert there[fact] == here[fact]
    assert there["steps"][0]["table"] == OWN
    (billed,) = gate.billed
    assert billed["query"]["maximumBytesBilled"] == str(SIZE)
    sql = billed["query"]["query"]
    assert "Hernia" not in sql
    assert "65" not in sql
    assert cxrcat("export", "--subset", "asked").returncode == 0
    manifest = check_export(work / "asked")
    assert f"answered by bigquery:{OWN}" in manifest.subset.funnel[0].condition
    other = {"CXRCAT_CATALOG": str(shutil.copy(template, tmp_path / "other.sqlite"))}
    for words in (("reproduce", "asked"), ("register", "asked"), ("reproduce", "asked")):
        done = cxrcat(*words, env=other)
        assert (done.returncode, gate.billed) == (0, [billed]), done


def test_the_public_table_answers_and_its_use_owes(cxrcat: Run, gate: Gate, work: Path) -> None:
    where = f"(effusion or mass) and sex = 'M' and patient <= {PATIENTS}"
    assert cxrcat("subset", "create", "here", "--where", where).returncode == 0
    done = cxrcat(*CREATE, where, *PAYS, "-y")
    assert done.returncode == 0, done.stderr
    for name in ("here", "asked"):
        assert cxrcat("export", "--subset", name).returncode == 0
    names = [[row["name"] for row in rows_of(work / name)] for name in ("here", "asked")]
    assert names[0] == names[1]
    assert len(names[0]) > 20
    owed = [{duty.id for duty in check_export(work / name).duties} for name in ("here", "asked")]
    assert owed[1] - owed[0] == {"google-conversion"}
    shown = cxrcat("lineage", "asked").stdout
    assert "bigquery" in shown
    assert gate.billed


def test_the_environment_may_name_the_project(cxrcat: Run, gate: Gate) -> None:
    done = cxrcat(
        *CREATE, "hernia", "--table", OWN, "--yes", env={"CXRCAT_BILLING_PROJECT": PROJECT}
    )
    assert done.returncode == 0, done.stderr
    assert all(f"/projects/{PROJECT}/" in each for each in gate.requests)


@pytest.mark.parametrize("command", [INGEST, (*CREATE, "hernia")])
def test_without_a_project_nothing_is_asked(
    cxrcat: Run, gate: Gate, command: tuple[str, ...]
) -> None:
    check_failure(cxrcat(*command, "--yes"), 3, "--billing-project", "nothing was asked")
    assert gate.requests == []


@pytest.mark.parametrize("command", [INGEST, (*CREATE, "hernia", "--table", OWN)])
def test_nothing_is_billed_that_was_not_agreed_to(
    cxrcat: Run, gate: Gate, sqlite_location: str, command: tuple[str, ...]
) -> None:
    check_failure(cxrcat(*command, *PAYS), 2, f"{SIZE:,} bytes", PROJECT, "--yes")
    line = check_failure(
        cxrcat(*command, *PAYS, "--yes", "--max-bytes-billed", str(SIZE - 1)),
        3,
        f"{SIZE:,} bytes",
        "--max-bytes-billed",
    )
    assert line.endswith("nothing was billed")
    assert gate.billed == []
    assert replicas(sqlite_location) == []
    check_failure(cxrcat("subset", "show", "asked"), 2, "asked")


def test_the_service_keeps_the_cap_where_the_dry_run_said_less(cxrcat: Run, gate: Gate) -> None:
    body = reason_of(400, "bytesBilledLimitExceeded", "Query exceeded limit for bytes billed: 1.")
    gate.faults = [Fault("billed", status=400, body=body)]
    done = cxrcat(*CREATE, "hernia", "--table", OWN, *PAYS, "--yes")
    lines = done.stderr.splitlines()
    assert done.returncode == 3
    assert "--max-bytes-billed" in lines[-1]
    assert len(lines) == 2


def denied(message: str) -> bytes:
    return reason_of(403, "accessDenied", message)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (Fault("GET", 9, 403, denied("Access Denied: no\nbigquery.tables.get")), ["permission"]),
        (Fault("dry", 9, 403, denied("Access Denied: bigquery.jobs.create")), ["jobs.create"]),
        (Fault("GET", 9, 401, b"{}"), ["gcloud auth"]),
        (Fault("GET", 9, 404, reason_of(404, "notFound", "Not found: Table")), ["--table"]),
        (Fault("GET", 9, 400, b"<html>\x1b[31m</html>"), ["400"]),
        (Fault("GET", 9, 200, b"<html></html>"), ["BigQuery"]),
        (Fault("GET", 9, 200, b"[]"), ["BigQuery"]),
        (Fault("GET", 9, 200, b"{}"), ["BigQuery"]),
        (Fault("GET", 9, 200, b'{"schema": {"fields": 5}}'), ["BigQuery"]),
        (Fault("GET", 9, 200, b'{"schema": {"fields": [{"name": "x`y"}]}}'), ["BigQuery"]),
        (Fault("dry", 9, 200, b"{}"), ["BigQuery"]),
    ],
)
def test_a_failure_is_one_line(
    cxrcat: Run, gate: Gate, sqlite_location: str, fault: Fault, words: list[str]
) -> None:
    gate.faults = [fault]
    check_failure(cxrcat(*INGEST, *PAYS, "--yes"), 3, TABLE, *words)
    assert gate.billed == []
    assert replicas(sqlite_location) == []


@pytest.mark.parametrize(
    "fault",
    [
        Fault("GET", 2, 503, reason_of(503, "backendError", "Try later")),
        Fault("dry", 1, drop=True),
        Fault("/queries/", 1, drop=True),
        Fault("/queries/", 1, 503, reason_of(503, "backendError", "Try later")),
    ],
)
def test_a_short_failure_is_overcome(cxrcat: Run, gate: Gate, fault: Fault) -> None:
    gate.faults = [fault]
    done = cxrcat(*INGEST, *PAYS, "--yes", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["rows"] == len(CHOSEN)
    assert fault.times == 0


def test_an_answer_that_breaks_off_leaves_nothing(
    cxrcat: Run, gate: Gate, sqlite_location: str
) -> None:
    gate.faults = [Fault("/queries/", 99, 403, denied("Access Denied"))]
    done = cxrcat(*INGEST, *PAYS, "--yes")
    assert done.returncode == 3
    assert "permission" in done.stderr.splitlines()[-1]
    assert replicas(sqlite_location) == []


def test_a_server_that_is_not_there(cxrcat: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
    check_failure(cxrcat(*INGEST, *PAYS, "--yes"), 3, TABLE, "cannot be reached", "later")
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "127.0.0.1:1")
    check_failure(cxrcat(*INGEST, *PAYS, "--yes"), 3, TABLE, "cannot be reached", "127.0.0.1:1")


def test_without_credentials(cxrcat: Run, tmp_path: Path) -> None:
    surroundings = {"HOME": str(tmp_path), "NO_GCE_CHECK": "true"}
    done = cxrcat(*INGEST, *PAYS, "--yes", env=surroundings)
    check_failure(done, 3, "gcloud auth application-default login")
    (tmp_path / "key.json").write_text("{}")
    surroundings["GOOGLE_APPLICATION_CREDENTIALS"] = str(tmp_path / "key.json")
    done = cxrcat(*INGEST, *PAYS, "--yes", env=surroundings)
    check_failure(done, 3, "GOOGLE_APPLICATION_CREDENTIALS")


def test_a_table_that_lacks_columns(cxrcat: Run, server: str, gate: Gate) -> None:
    table = f"{PROJECT}.films.short"
    load(server, table, [*DICOM[:2], "PatientID", "PatientSex", "PatientPosition"], [])
    check_failure(
        cxrcat(*INGEST, *PAYS, "--yes", "--table", table),
        2,
        table,
        "no column SOPInstanceUID (the instance), StudyDescription (findings)",
    )
    assert gate.jobs == []


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("ingest", "nih-chest-xray"), "--from bigquery"),
        (("ingest", "nih-chest-xray", "--from", "bigqery"), "bigquery"),
        (("ingest", "nih-chest-xray", "--from", "gcs-png"), "no table"),
        (("ingest", "nih-chest-xray", "file.csv", "--from", "bigquery"), "leave those out"),
        (("ingest", "nih-chest-xray", "--from", "bigquery", "--as", "x"), "leave those out"),
        ((*INGEST, *PAYS, "--table", "films"), "PROJECT.DATASET.TABLE"),
        ((*CREATE, "hernia", *PAYS, "--table", "a.b.c`"), "PROJECT.DATASET.TABLE"),
        ((*CREATE, "hernia", "--sample", "5"), "derive from it"),
        (("subset", "create", "x", "--engine", "bigquery", "--from", "mass"), "--where"),
        (("subset", "create", "x", "--where", "mass", "--table", "a.b.c"), "--engine bigquery"),
        (("subset", "create", "A B", "--where", "mass", "--engine", "bigquery"), "cannot name"),
        ((*CREATE, "boxed(nodule)", *PAYS, "--table", OWN), "boxed(nodule) cannot be asked"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(
    cxrcat: Run, gate: Gate, arguments: tuple[str, ...], word: str
) -> None:
    check_failure(cxrcat(*arguments), 2, word)
    assert gate.jobs == []


def test_a_wrong_question_is_marked(cxrcat: Run, gate: Gate) -> None:
    check_failure(cxrcat(*CREATE, "hernai", *PAYS, "--yes"), 2, "hernia", caret=True)
    assert gate.requests == []
