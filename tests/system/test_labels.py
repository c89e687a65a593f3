"""``cxrcat labels`` as people and scripts meet it."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import pytest

from ..catalog.labels import expert
from ..checks import check_export, check_failure, names_with, rows_of
from ..conftest import Run

A, B, C = names_with("Hernia")[:3]


@pytest.fixture
def files(work: Path, cxrcat: Run) -> list[str]:  # noqa: ARG001 - which makes the folder
    """Write files of the four findings into the folder of the commands; return their names."""
    expert.four_labels(work / "test_labels.csv", {A: {"Pneumothorax": "YES"}, B: {}})
    expert.four_readers(
        work / "individual_readers.csv", [(A, "7", {"Nodule/mass": "HEDGE"}), (B, "7", {})]
    )
    return ["test_labels.csv", "individual_readers.csv"]


def test_labels_are_listed_added_asked_and_owed(cxrcat: Run, work: Path, files: list[str]) -> None:
    listed = cxrcat("labels", "list").stdout.splitlines()
    assert [line.split()[:3] for line in listed[1:]] == [
        ["nih", "labels", "yes"],
        ["expert4", "labels", "no"],
        ["expert14", "labels", "no"],
        ["split", "split", "no"],
    ]
    line = check_failure(
        cxrcat("subset", "create", "x", "--where", "expert4.pneumothorax"), 2, "expert4", caret=True
    )
    assert "'cxrcat labels add expert4 FILE…'" in line

    done = cxrcat("labels", "add", "expert4", *files)
    assert (done.returncode, done.stdout) == (0, "expert4\n")
    assert done.stderr == "images: 2, readers: 1\n"
    again = cxrcat("labels", "add", "expert4", *files)
    assert (again.returncode, again.stdout) == (0, "expert4\n")
    assert "the catalog holds these files already; nothing was changed" in again.stderr

    made = cxrcat("subset", "create", "x", "--where", "agree(mass, expert4.pneumothorax)")
    assert made.returncode == 0, made
    assert cxrcat("export", "--subset", "x").returncode == 0
    manifest = check_export(work / "x")
    assert manifest.duties[-1].id == "expert4-citation"
    assert "Majkowska" in (work / "x" / "ATTRIBUTION.md").read_text("utf-8")
    assert {read.name: bool(read.checksum) for read in manifest.subset.reads} == {
        "nih": True,
        "expert4": True,
    }
    assert cxrcat("doctor").returncode == 0


def test_a_set_is_shown(cxrcat: Run, files: list[str]) -> None:
    before = cxrcat("labels", "show", "expert4").stdout
    assert "to add it  the label set expert4 is not in the catalog" in before
    assert "expert4-citation (citation)" in before
    cxrcat("labels", "add", "expert4", *files)
    shown = cxrcat("labels", "show", "expert4").stdout
    assert "\npneumothorax      Pneumothorax            1       1          0\n" in shown
    assert "\n7                 2\n" in shown
    assert "\nindividual_readers.csv  xxh128:" in shown
    assert "majkowska2020: Chest Radiograph Interpretation" in shown
    assert "https://doi.org/10.1148/radiol.2019191293" in shown
    assert "to add it" not in shown
    nih = cxrcat("labels", "show", "nih").stdout
    assert "hernia              Hernia                  227       0          0" in nih


def test_json_of_an_addition(cxrcat: Run, work: Path, files: list[str]) -> None:
    expert.four_labels(work / "validation_labels.csv", {C: dict.fromkeys(expert.FOUR, "")})
    done = cxrcat("labels", "add", "expert4", *files, "validation_labels.csv", "--json")
    assert (done.returncode, done.stderr) == (0, "")
    found = json.loads(done.stdout)
    assert found["changed"] is True
    assert found["remarks"] == ["validation_labels.csv: rows that say nothing: 1"]
    assert found["labels"]["findings"][1] == {
        "name": "pneumothorax",
        "label": "Pneumothorax",
        "present": 1,
        "absent": 1,
        "uncertain": 0,
    }
    assert found["labels"] == json.loads(cxrcat("labels", "show", "expert4", "--json").stdout)
    assert found["labels"] in json.loads(cxrcat("labels", "list", "--json").stdout)


def test_files_that_are_wrong_are_refused_in_one_line(
    cxrcat: Run, work: Path, files: list[str]
) -> None:
    good = (work / files[0]).read_bytes()
    for data, words in (
        (good.replace(b"YES", b"PERHAPS"), ("test_labels.csv:2: Pneumothorax is 'PERHAPS'", "YES")),
        (good.replace(A.encode(), b"\x1b[31m.png"), ("test_labels.csv:2: '\\x1b[31m.png' is not",)),
        (good.replace(b",", b";"), ("test_labels.csv:1: semicolons stand between the cells",)),
        (b"PK\x03\x04\x14\x00", ("test_labels.csv: is a spreadsheet or an archive",)),
        (b"\xff\xfe" + good, ("test_labels.csv: is not UTF-8 text",)),
        (good.replace(b"Fracture", b"Broken"), ("the column 'Fracture' is missing",)),
        (b"", ("test_labels.csv:1: there is no header",)),
    ):
        (work / files[0]).write_bytes(data)
        check_failure(cxrcat("labels", "add", "expert4", *files), 2, *words)
    check_failure(cxrcat("labels", "add", "expert4", "nothing.csv"), 2, "names end in")
    check_failure(cxrcat("labels", "add", "expert4"), 2, "FILE")
    check_failure(cxrcat("labels", "add", "experts", *files), 2, "did you mean expert4")
    check_failure(cxrcat("labels", "add", "x.yaml", *files), 2, "x.yaml: cannot be read")
    check_failure(cxrcat("labels", "add", "split", files[0]), 2, "train_val_list.txt")
    check_failure(cxrcat("labels", "show", "expert4@1"), 2, "unknown label set 'expert4@1'")
    check_failure(cxrcat("labels", "list", "--dataset", "nih"), 2, "nih-chest-xray")
    assert "expert4   labels  no" in cxrcat("labels", "list").stdout


def test_a_file_of_hostile_bytes_and_name(cxrcat: Run, work: Path, files: list[str]) -> None:
    name = "a\x1b[31mb\n_test_labels.csv"
    (work / name).write_bytes((work / files[0]).read_bytes())
    done = cxrcat("labels", "add", "expert4", name)
    assert done.returncode == 0, done
    shown = cxrcat("labels", "show", "expert4").stdout
    assert "\x1b" not in shown
    assert "a\\x1b[31mb\\n_test_labels.csv" in shown
    (work / name).write_bytes(bytes(range(256)) * 50)
    check_failure(cxrcat("labels", "add", "expert4", name), 2, "is not UTF-8 text")


def test_the_official_lists(cxrcat: Run, work: Path, real_data: Path) -> None:
    lists = [real_data / "train_val_list.txt.gz", real_data / "test_list.txt.gz"]
    done = cxrcat("labels", "add", "split", *lists)
    assert (done.returncode, done.stdout) == (0, "split\n")
    assert "train_val: 86,524 images" in done.stderr
    assert "test: 25,596 images" in done.stderr
    made = cxrcat("subset", "create", "t", "--where", "pneumothorax and split = 'test'")
    assert made.stderr.startswith("2,665 images of ")
    for subset, parts in (
        ("t", {"test": 2665}),
        ("pneumothorax", {"test": 2665, "train_val": 2637}),
    ):
        assert cxrcat("export", "--subset", subset).returncode == 0
        manifest = check_export(work / subset)
        assert [each.name for each in manifest.sets if each.kind == "split"] == ["split"]
        assert Counter(row["split"] for row in rows_of(work / subset)) == parts
    check_failure(
        cxrcat("subset", "create", "v", "--where", "split = 'validation'"),
        2,
        "unknown split 'validation'; known: test, train_val",
        caret=True,
    )
