"""Deriving, dividing, tracing and withdrawing subsets with the installed command."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from ..conftest import Run

INTO = "train=0.7,val=0.1,test=0.2"


def test_derive_and_trace(cxrcat: Run) -> None:
    made = cxrcat("subset", "create", "adults", "--where", "pneumothorax and age >= 18")
    assert made.returncode == 0, made.stderr
    made = cxrcat(
        "subset", "create", "pilot", "--from", "adults", "--one-per-patient", "last",
        "--sample", "50", "--seed", "7", "--json",
    )  # fmt: skip
    assert made.returncode == 0, made.stderr
    facts = json.loads(made.stdout)
    assert (facts["images"], facts["patients"], facts["operation"]) == (50, 50, "from")
    shown = cxrcat("subset", "show", "pilot").stdout
    assert "one image a patient: last" in shown
    assert "sample of 50 images, seed 7" in shown
    tree = cxrcat("lineage", "adults")
    assert tree.returncode == 0
    assert tree.stdout.startswith("adults@1 (")
    assert "from: pilot@1 (50 images)" in tree.stdout
    for form in ("mermaid", "dot"):
        assert "pilot@1" in cxrcat("lineage", "pilot", "--format", form).stdout
    assert json.loads(cxrcat("lineage", "pilot", "--json").stdout)["root"] == "subset pilot@1"


def test_combine(cxrcat: Run) -> None:
    for word, expected in (("--union", 1905), ("--intersect", 8), ("--minus", 219)):
        made = cxrcat("subset", "create", "c", word, "hernia", "fibrosis", "--json")
        assert json.loads(made.stdout)["images"] == expected, word


def test_split_says_how_close_it_came(cxrcat: Run) -> None:
    done = cxrcat("subset", "split", "pneumothorax", "--into", INTO, "--stratify", "finding")
    assert done.returncode == 0, done.stderr
    header, wanted, images, patients, *strata = done.stdout.splitlines()
    assert header.split() == [f"pneumothorax-{part}@1" for part in ("train", "val", "test")]
    assert wanted.split() == ["wanted", "70.0%", "10.0%", "20.0%"]
    assert sum(int(cell.replace(",", "")) for cell in images.split()[1::2]) == 5302
    assert sum(int(cell.replace(",", "")) for cell in patients.split()[1::2]) == 1487
    assert len(strata) == 14
    assert "farthest from what was wanted" in done.stderr
    assert "no patient is in two parts" in done.stderr
    by_image = cxrcat("subset", "split", "mass", "--into", "a=0.5,b=0.5", "--by", "image")
    assert "LEAK: " in by_image.stderr
    report = json.loads(cxrcat("subset", "split", "mass", "--into", "a=0.5,b=0.5", "--json").stdout)
    assert report["shared_patients"] == 0
    assert [part["subset"]["version"] for part in report["parts"]] == [2, 2]


def test_impact_and_withdraw(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "hernia", "--project", "thesis").returncode == 0
    touched = cxrcat("impact", "--patient", "3")
    assert touched.returncode == 0
    assert "1 exports, 1 projects" in touched.stderr
    assert "hernia@1" in touched.stdout
    done = cxrcat("withdraw", "--patient", "3", "--reason", "consent withdrawn")
    assert done.returncode == 0, done.stderr
    assert "8 images withdrawn" in done.stderr
    assert [line.split()[:3] for line in done.stdout.splitlines() if "hernia" in line] == [
        ["hernia", "@1", "@2"]
    ]
    refused = cxrcat("export", "--subset", "hernia@1", "--to", "old")
    assert refused.returncode == 2
    assert "withdrawn since (consent withdrawn)" in refused.stderr
    assert len(refused.stderr.splitlines()) == 1
    assert not (work / "old").exists()
    assert (
        cxrcat("export", "--subset", "hernia@1", "--to", "old", "--allow-withdrawn").returncode == 0
    )
    assert cxrcat("verify", "old").returncode == 0
    again = json.loads(cxrcat("withdraw", "--patient", "3", "--reason", "x", "--json").stdout)
    assert (again[0]["withdrawn"], again[0]["already"]) == (0, 8)


def test_cite_explains_each_duty(cxrcat: Run) -> None:
    cxrcat("subset", "create", "base", "--where", "boxed(mass)")
    cxrcat("subset", "create", "cut", "--from", "base", "--where", "effusion")
    done = cxrcat("cite", "--subset", "cut", "--explain")
    assert done.returncode == 0
    assert "nih-citation: ChestX-ray8" in done.stdout
    assert "because the question reads `nih.effusion`" in done.stdout
    assert "because the subset base@1 reads `boxed(mass)`" in done.stdout
    duties = json.loads(cxrcat("cite", "--subset", "cut", "--explain", "--json").stdout)
    assert {"nih-link", "nih-citation", "nih-acknowledgement"} <= {each["id"] for each in duties}
    assert cxrcat("cite", "--subset", "cut", "--json").returncode == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["subset", "create", "x"], "say what is in it"),
        (["subset", "create", "x", "--from", "pneumotorax"], "did you mean pneumothorax"),
        (["subset", "create", "x", "--union", "mass"], "requires 2 arguments"),
        (["subset", "create", "x", "--where", "hernia", "--sample", "228"], "cannot be drawn"),
        (["subset", "create", "x", "--where", "hernia", "--sample", "many"], "a valid integer"),
        (["subset", "create", "x", "--from-list", "nope.txt"], "nope.txt: cannot be read"),
        (["subset", "split", "mass", "--into", "a=0.5"], "at least two parts"),
        (["subset", "split", "mass", "--into", "half"], "is no split"),
        (["lineage", "pneumotorax"], "did you mean pneumothorax"),
        (["impact"], "name one"),
        (["impact", "--image", "x.png"], "has no image 'x.png'"),
        (["withdraw", "--reason", "x"], "say which"),
        (["withdraw", "--image", "x.png"], "--reason"),
        (["withdraw", "--image", "x.png", "--reason", "x"], "nothing was withdrawn: x.png"),
    ],
)
def test_bad_input_is_one_line(cxrcat: Run, words: list[str], said: str) -> None:
    done = cxrcat(*words)
    assert done.returncode == 2
    assert done.stdout == ""
    lines = [line for line in done.stderr.splitlines() if not line.strip().startswith(("^", "in_"))]
    assert len(lines) == 1, done.stderr
    assert said in done.stderr
