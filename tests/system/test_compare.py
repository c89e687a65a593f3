"""Comparing subsets with the installed command: what it prints, and how it ends."""

from __future__ import annotations

import json
from collections import defaultdict
from itertools import combinations

import pytest

from ..checks import check_failure, names_with, nih_rows
from ..conftest import Run


def patients(names: set[str]) -> set[str]:
    rows = nih_rows()
    return {rows[name]["Patient ID"] for name in names}


@pytest.fixture
def by_patient(cxrcat: Run) -> None:
    """Record the subsets low and high, of different patients, and all, of both."""
    for name, where in (
        ("low", "hernia and patient < 15000"),
        ("high", "hernia and patient >= 15000"),
        ("all", "hernia"),
    ):
        assert cxrcat("subset", "create", name, "--where", where).returncode == 0


def test_diff(cxrcat: Run) -> None:
    mass, nodule = set(names_with("Mass")), set(names_with("Nodule"))
    found = json.loads(cxrcat("subset", "diff", "mass", "nodule", "--json").stdout)
    assert found["both"] == {
        "images": len(mass & nodule),
        "patients": len(patients(mass) & patients(nodule)),
    }
    assert found["only_a"]["images"] == len(mass - nodule)
    assert found["only_b"]["patients"] == len(patients(nodule) - patients(mass))
    assert found["releases"] is None
    (each,) = [each for each in found["findings"] if each["finding"] == "effusion"]
    effusion = set(names_with("Effusion"))
    assert each["a_images"] == len(mass & effusion)
    assert each["b_share"] == len(nodule & effusion) / len(nodule)
    shown = cxrcat("subset", "diff", "mass", "nodule")
    assert (shown.returncode, shown.stderr) == (0, "")
    assert f"{len(mass & nodule):,}" in shown.stdout
    assert f"{len(nodule & effusion) / len(nodule):.2%}" in shown.stdout


@pytest.mark.usefixtures("by_patient")
def test_diff_lists_names(cxrcat: Run) -> None:
    hernia = set(names_with("Hernia"))
    done = cxrcat("subset", "diff", "hernia", "high", "--names")
    assert (done.returncode, done.stderr) == (0, "")
    low = {name for name in hernia if int(name[:8]) < 15_000}
    assert done.stdout.splitlines() == [f"-{name}" for name in sorted(low)]
    back = cxrcat("subset", "diff", "low", "high", "--names").stdout.splitlines()
    assert {line for line in back if line[0] == "-"} == {f"-{name}" for name in low}
    assert {line for line in back if line[0] == "+"} == {f"+{name}" for name in hernia - low}
    assert [line[1:] for line in back] == sorted(hernia)
    found = json.loads(cxrcat("subset", "diff", "low", "high", "--names", "--json").stdout)
    assert found["names"] == back


@pytest.mark.usefixtures("by_patient")
def test_overlap_says_a_leak_loudly(cxrcat: Run) -> None:
    done = cxrcat("subset", "overlap", "low", "high", "all")
    assert done.returncode == 0
    assert "shared images" in done.stdout
    assert "shared patients" in done.stdout
    names = {
        "low": {name for name in names_with("Hernia") if int(name[:8]) < 15_000},
        "all": set(names_with("Hernia")),
    }
    names["high"] = names["all"] - names["low"]
    lines = done.stderr.splitlines()
    assert len(lines) == 2
    for part, line in zip(("low", "high"), lines, strict=True):
        number = len(patients(names[part]))
        images = len(names[part])
        assert line == (
            f"LEAK: {number} patients ({images} images of {part}@1, {images} of all@1) "
            f"are in both {part}@1 and all@1"
        )
    table = [line.split() for line in done.stdout.splitlines()]
    assert ["low@1", str(len(names["low"])), "0", str(len(names["low"]))] in table


@pytest.mark.usefixtures("by_patient")
def test_disjoint_is_a_check(cxrcat: Run) -> None:
    done = cxrcat("subset", "overlap", "low", "high", "--disjoint")
    assert (done.returncode, done.stderr) == (0, "")
    done = cxrcat("subset", "overlap", "low", "all", "--disjoint", "--json")
    assert done.returncode == 1
    assert done.stderr.startswith("LEAK: ")
    assert json.loads(done.stdout)["disjoint"] is False
    found = json.loads(cxrcat("subset", "overlap", "low", "high", "--json").stdout)
    assert found["disjoint"] is True
    assert [each["subset"] for each in found["subsets"]] == ["low@1", "high@1"]
    assert found["pairs"] == [
        {"a": 0, "b": 1, "images": 0, "patients": 0, "a_images": 0, "b_images": 0}
    ]


def test_images_alone_may_be_disjoint(cxrcat: Run) -> None:
    visits = defaultdict(set)
    for name, row in nih_rows().items():
        if "Hernia" in row["Finding Labels"].split("|"):
            visits[row["Patient ID"]].add(name)
    number, some = next((patient, names) for patient, names in visits.items() if len(names) > 1)
    first, second, *_ = sorted(some)
    for name, image in (("one", first), ("two", second)):
        cxrcat("subset", "create", name, "--where", f"name = '{image}'")
    done = cxrcat("subset", "overlap", "one", "two", "--by", "image", "--disjoint")
    assert done.returncode == 0
    assert "shared patients" not in done.stdout
    assert done.stderr == (
        "LEAK: 1 patient (1 images of one@1, 1 of two@1) is in both one@1 and two@1\n"
    )
    done = cxrcat("subset", "overlap", "one", "two", "--by", "patient", "--disjoint")
    assert done.returncode == 1
    assert "shared images" not in done.stdout
    assert int(number) > 0


def test_many_leaks_are_counted(cxrcat: Run) -> None:
    names = [each["name"] for each in json.loads(cxrcat("subset", "list", "--json").stdout)]
    done = cxrcat("subset", "overlap", *names)
    assert done.returncode == 0
    lines = done.stderr.splitlines()
    pairs = len(list(combinations(names, 2)))
    assert lines[-1] == f"LEAK: so have {pairs - 20} pairs more"
    assert len(lines) == 21


def test_log(cxrcat: Run) -> None:
    for where in ("hernia", "hernia and view = 'PA'", "hernia or view = 'PA' and mass"):
        cxrcat("subset", "create", "mine", "--where", where)
    found = json.loads(cxrcat("subset", "log", "mine", "--json").stdout)
    assert [each["version"] for each in found] == [1, 2, 3]
    assert (found[0]["gained"], found[0]["lost"]) == (None, None)
    assert found[1]["gained"] == 0
    assert found[1]["lost"] == found[0]["images"] - found[1]["images"]
    assert found[2]["lost"] == 0
    assert {each["operation"] for each in found} == {"where"}
    shown = cxrcat("subset", "log", "mine")
    assert (shown.returncode, shown.stderr) == (0, "")
    header, *rows = shown.stdout.splitlines()
    assert "gained" in header
    assert [row.split()[0] for row in rows] == ["@1", "@2", "@3"]
    assert "hernia and view = 'PA'" in rows[1]


def test_wrong_usage(cxrcat: Run) -> None:
    check_failure(cxrcat("subset", "diff", "mass", "nodle"), 2, "did you mean nodule")
    check_failure(cxrcat("subset", "diff", "mass"), 2, "'B'")
    check_failure(cxrcat("subset", "overlap", "mass"), 2, "name two subsets or more")
    check_failure(cxrcat("subset", "overlap", "mass", "hernia@7"), 2, "has no version '7'")
    check_failure(cxrcat("subset", "overlap", "mass", "hernia", "--by", "finding"), 2, "--by")
    check_failure(cxrcat("subset", "log", "nodle"), 2, "did you mean nodule")
