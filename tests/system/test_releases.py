"""Bringing in other releases with the installed command, and working with them."""

from __future__ import annotations

import json
import signal
import subprocess
from pathlib import Path

import pytest

from ..catalog import generations, small
from ..checks import check_export, check_failure
from ..conftest import Run
from .conftest import Start


@pytest.fixture
def ward(cxrcat: Run, tmp_path: Path) -> Path:
    """Return the table of an earlier release of a dataset whose other release is here."""
    path = small.write(tmp_path / "ward", changes=generations.RELEASES)
    assert cxrcat("dataset", "add", path).stdout == "ward@v1\n"
    return generations.old_table(tmp_path)


def test_the_first_release_of_nih(cxrcat: Run, tmp_path: Path, work: Path) -> None:
    table = tmp_path / "Data_Entry_2017.csv"
    planted = generations.september(table, ages=27_471, labels=181)
    done = cxrcat("ingest", "nih-chest-xray", table)
    assert (done.returncode, done.stdout) == (0, "nih-chest-xray@v2017-09\n"), done.stderr
    assert "112,120 images of 30,805 patients, 984 boxes" in done.stderr
    again = cxrcat("ingest", "nih-chest-xray@v2017-09", table)
    assert (again.returncode, again.stdout) == (0, "nih-chest-xray@v2017-09\n")
    assert "nothing was changed" in again.stderr

    listed = json.loads(cxrcat("datasets", "--json").stdout)
    assert {each["version"]: each["here"] for each in listed} == {
        "v2020": True,
        "v2017-09": True,
        "v2017-11": False,
    }
    old = "nih-chest-xray@v2017-09"
    subsets = json.loads(cxrcat("subset", "list", "--dataset", old, "--json").stdout)
    assert len(subsets) == 15

    for dataset in (old, "nih-chest-xray"):
        done = cxrcat("subset", "create", "everything", "--where", "true", "--dataset", dataset)
        assert done.returncode == 0, done.stderr
    command = ("subset", "diff", f"{old}/everything", "everything")
    found = json.loads(cxrcat(*command, "--json").stdout)
    changed = found["releases"]
    assert changed["images"] == found["both"]["images"] == 112_120
    assert (changed["age"], changed["labels"]) == (planted.ages, planted.labels)
    assert changed["follow_up"] == planted.follow_ups
    lost = {each["finding"]: each["lost"] for each in changed["findings"] if each["lost"]}
    assert lost == planted.lost
    shown = cxrcat(*command)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"112,120 images are in {old} and in nih-chest-xray@v2020" in shown.stdout
    assert "27,471" in shown.stdout
    assert cxrcat(*command, "--names").stdout == ""

    wrong = cxrcat("subset", "create", "wrong", "--where", "age > 147", "--dataset", old)
    assert wrong.stderr.startswith("16 images")
    done = cxrcat("export", "--subset", f"{old}/wrong@1")
    assert done.returncode == 0, done.stderr
    facts = check_export(work / "wrong").dataset
    assert (facts.slug, facts.version, facts.images) == ("nih-chest-xray", "v2017-09", 112_120)
    assert cxrcat("verify", "wrong").returncode == 0
    cited = cxrcat("cite", "--subset", f"{old}/pneumothorax", "--format", "bibtex")
    assert "10.1109/CVPR.2017.369" in cited.stdout
    assert cxrcat("doctor").returncode == 0


def test_what_is_known_and_not_here(cxrcat: Run) -> None:
    for command in (("datasets",), ("dataset", "show", "nih-chest-xray")):
        done = cxrcat(*command)
        assert done.returncode == 0
        for version in ("v2017-09", "v2017-11"):
            assert version in done.stdout
            advice = f"bring it in with: cxrcat ingest nih-chest-xray@{version} FILE"
            assert any(
                line.startswith(f"nih-chest-xray@{version} is Data_Entry_2017.csv from")
                and line.endswith(advice)
                for line in done.stderr.splitlines()
            ), done.stderr
    shown = json.loads(cxrcat("dataset", "show", "nih-chest-xray", "--json").stdout)
    assert [each["here"] for each in shown["releases"]] == [True, False, False]
    missing = cxrcat("subset", "list", "--dataset", "nih-chest-xray@v2017-09")
    check_failure(missing, 2, "nih-chest-xray@v2017-09")


def test_a_corrected_table(cxrcat: Run, ward: Path, tmp_path: Path) -> None:
    table = tmp_path / "ward" / "films.csv"
    command = ("ingest", "ward", table, "--as", "v1-fix1", "--reason", "two ages")
    found = json.loads(cxrcat(*command, "--json").stdout)
    assert (found["version"], found["like"], found["changed"]) == ("v1-fix1", "v1", True)
    assert found["images"] == 60
    again = json.loads(cxrcat(*command, "--json").stdout)
    assert again == {**found, "changed": False}
    listed = json.loads(cxrcat("datasets", "--json").stdout)
    (mine,) = [each for each in listed if each["version"] == "v1-fix1"]
    assert (mine["here"], mine["note"], mine["is_default"]) == (True, "two ages", False)
    done = cxrcat("ingest", "ward", ward, "--as", "v1-fix1")
    check_failure(done, 2, "ward@v1-fix1 is in the catalog already", "--as")
    assert cxrcat("subset", "show", "ward@v1-fix1/mass").returncode == 0


def test_what_is_refused_is_one_line_and_changes_nothing(
    cxrcat: Run, ward: Path, tmp_path: Path
) -> None:
    text = ward.read_bytes()
    short = tmp_path / "short.csv"
    short.write_bytes(text[:900] + b"\r\n")
    other = tmp_path / "other.csv"
    other.write_bytes(text.replace(b"150Y", b"149Y"))
    before = cxrcat("doctor", "--json").stdout
    for arguments, word in (
        (("ward@v1", ward), "is not ward@v1: ages are not written as the descriptor states (58)"),
        (("ward", other), "fits no release of ward"),
        (("ward", short), "short.csv:"),
        (("ward", tmp_path / "nothing.csv"), "No such file"),
        (("ward", tmp_path), "is not a regular file"),
        (("nih-chest-xray", ward), "the column 'Image Index' is missing"),
        (("ward@v9", ward), "unknown release of ward 'v9'"),
        (("wart", ward), "did you mean ward"),
        (("ward", ward, "--as", "v0"), "is a release of the owner's"),
        (("ward", ward, "--as", "A B"), "cannot name a release"),
    ):
        check_failure(cxrcat("ingest", *arguments), 2, word)
    assert cxrcat("doctor", "--json").stdout == before
    assert cxrcat("ingest", "ward", ward).stdout == "ward@v0\n"


@pytest.mark.parametrize("after", [0.5, 1.0, 1.5])
def test_a_run_that_is_killed_leaves_all_or_nothing(
    cxrcat: Run, start: Start, tmp_path: Path, after: float
) -> None:
    table = tmp_path / "Data_Entry_2017.csv"
    generations.november(table)
    process = start("ingest", "nih-chest-xray", table)
    try:
        process.communicate(timeout=after)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
    health = json.loads(cxrcat("doctor", "--json").stdout)
    assert health["problems"] == []
    listed = json.loads(cxrcat("datasets", "--json").stdout)
    here = {each["version"] for each in listed if each["here"]}
    assert here in ({"v2020"}, {"v2020", "v2017-11"})
    assert health["subsets"] == 15 * len(here)
