"""Exports as bags: what BagIt's own library says of them, and what cxrcat does with one."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import bagit
import pytest

from ..checks import DOI, LINK, TITLE, check_export, check_failure
from ..conftest import Run
from .conftest import Made

TAGS = ("bagit.txt", "bag-info.txt", "manifest-sha256.txt", "tagmanifest-sha256.txt")


@pytest.fixture
def bag(cxrcat: Run, work: Path) -> Path:
    done = cxrcat("export", "--subset", "hernia", "--profile", "bagit", "--to", "bag")
    assert (done.returncode, done.stdout) == (0, f"{work / 'bag'}\n"), done
    return work / "bag"


def validated(bag: Path) -> int:
    """Return the exit code of the library's own command."""
    command = [sys.executable, "-m", "bagit", "--validate", bag]
    return subprocess.run(command, capture_output=True, check=False).returncode


def test_a_bag_is_valid_and_says_what_is_owed(cxrcat: Run, bag: Path) -> None:
    manifest = check_export(bag / "data", alone=False)
    assert validated(bag) == 0
    opened = bagit.Bag(str(bag))
    assert opened.version_info == (1, 0)
    assert opened.info["Source-Organization"] == "NIH Clinical Center"
    assert opened.info["Link"] == LINK
    assert opened.info["Bagging-Date"] == manifest.export.at.date().isoformat()
    assert all(words in opened.info["Citation"] for words in (TITLE, DOI))
    assert "is the data provider" in opened.info["Acknowledgement"]
    files = [path for path in (bag / "data").rglob("*") if path.is_file()]
    total = sum(path.stat().st_size for path in files)
    assert opened.info["Payload-Oxum"] == f"{total}.{len(files)}"
    assert set(opened.payload_files()) == {path.relative_to(bag).as_posix() for path in files}
    done = cxrcat("verify", bag, "--json")
    assert done.returncode == 0, done
    facts = json.loads(done.stdout)
    assert (facts["ok"], facts["recorded"], facts["files"]) == (
        True,
        True,
        len(files) - 1 + len(TAGS),
    )
    cited = cxrcat("cite", bag, "--format", "bibtex")
    assert cited.stdout == (bag / "data" / "citations" / "references.bib").read_text("utf-8")


@pytest.mark.parametrize("name", [*TAGS, "data/metadata.csv"])
def test_a_tampered_bag_is_found(cxrcat: Run, bag: Path, name: str) -> None:
    path = bag / name
    whole = path.read_bytes()
    path.write_bytes(whole.replace(b"a", b"b", 1))
    assert path.read_bytes() != whole
    done = cxrcat("verify", bag)
    assert done.returncode == 1, done
    assert f"changed: {name}" in done.stdout.splitlines()
    assert validated(bag) != 0
    path.unlink()
    done = cxrcat("verify", bag)
    assert done.returncode == 1, done
    assert f"missing: {name}" in done.stdout.splitlines()


def test_duties_that_are_taken_out_of_a_bag_with_its_lists_mended(cxrcat: Run, bag: Path) -> None:
    path = bag / "bag-info.txt"
    lines = path.read_text().splitlines(keepends=True)
    path.write_text("".join(line for line in lines if not line.startswith("Citation")))
    bagit.Bag(str(bag)).save()
    assert validated(bag) == 0
    done = cxrcat("verify", bag)
    assert done.returncode == 1, done
    assert "changed: bag-info.txt" in done.stdout.splitlines()


def test_files_that_are_too_many_in_a_bag(cxrcat: Run, bag: Path) -> None:
    (bag / "notes.txt").write_text("mine")
    (bag / "data" / "more.txt").write_text("mine")
    done = cxrcat("verify", bag)
    assert done.returncode == 1, done
    assert done.stdout.splitlines()[:2] == ["extra: data/more.txt", "extra: notes.txt"]
    again = cxrcat("export", "--subset", "hernia", "--to", bag, "--force")
    check_failure(again, 2, "was not written by the export")


def test_a_bag_takes_the_place_of_an_export_and_an_export_that_of_a_bag(
    cxrcat: Run, made: Made
) -> None:
    options = ("--subset", "hernia", "--images", "copy", "--from", made.source, "--force")
    folder = made.folder
    for profile, place in (("bagit", folder / "data"), ("plain", folder)) * 2:
        done = cxrcat("export", *options, "--profile", profile)
        assert done.returncode == 0, done
        assert check_export(place, alone=False).images.files == 227
        assert (folder / "bagit.txt").exists() == (profile == "bagit")
        assert cxrcat("verify", folder).returncode == 0


def test_a_payload_that_is_a_link_is_not_followed(cxrcat: Run, bag: Path, work: Path) -> None:
    (bag / "data").rename(work / "elsewhere")
    (bag / "data").symlink_to(work / "elsewhere")
    check_failure(cxrcat("verify", bag), 2, "is this an export")
    check_failure(cxrcat("cite", bag), 2, "is this an export")


def test_no_bag_goes_to_a_bucket(cxrcat: Run) -> None:
    done = cxrcat("export", "--subset", "hernia", "--profile", "bagit", "--to", "gs://bucket/bag")
    check_failure(done, 2, "a bag is written to a folder")
