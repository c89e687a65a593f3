"""Audits as people run them: each rule is broken, told of, mended, and then quiet."""

from __future__ import annotations

import json
import os
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ..browser import opened
from ..conftest import Run, png

LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
WORDS = (
    f"We use ChestX-ray14 ({LINK}), provided by the NIH Clinical Center "
    "(Wang et al., https://doi.org/10.1109/CVPR.2017.369).\n"
)
NAMES = ("00000001_000.png", "00000001_001.png", "00000002_000.png")

Audit = Callable[..., dict[str, Any]]


@pytest.fixture
def root(cxrcat: Run, work: Path) -> Path:  # noqa: ARG001 - which makes the folder
    """A project that meets its duties and breaks no rule."""
    place = work / "study"
    place.mkdir()
    (place / "README.md").write_text(f"# Study\n\n{WORDS}")
    return place


@pytest.fixture
def audit(cxrcat: Run) -> Audit:
    """Return what audits a folder and gives the one project of the JSON document."""

    def run(*words: str | Path, code: int | None = None) -> dict[str, Any]:
        done = cxrcat("audit", "study", "--json", *words)
        assert done.returncode in (0, 1), done.stderr
        assert code is None or done.returncode == code, done.stdout
        (project,) = json.loads(done.stdout)["projects"]
        return project  # type: ignore[no-any-return]

    return run


def rules(project: dict[str, Any]) -> set[str]:
    return {problem["rule"] for problem in project["problems"]}


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


@pytest.mark.usefixtures("root")
def test_a_project_that_meets_its_duties(audit: Audit) -> None:
    project = audit(code=0)
    assert rules(project) == set()
    assert sorted(project["duties"]) == sorted(project["met"])
    assert len(project["met"]) == 3


@pytest.mark.parametrize(
    ("left_out", "rule"),
    [
        (LINK, "missing-link"),
        ("https://doi.org/10.1109/CVPR.2017.369", "missing-citation"),
        ("provided by the NIH Clinical Center", "missing-acknowledgement"),
    ],
)
def test_each_duty_by_itself(
    cxrcat: Run, audit: Audit, root: Path, left_out: str, rule: str
) -> None:
    path = root / "README.md"
    path.write_text(path.read_text().replace(left_out, "something"))
    (root / "train.py").write_text("data = xrv.datasets.NIH_Dataset(path)\n")
    assert rules(audit(code=1)) == {rule}
    done = cxrcat("audit", "study", "--fix")
    assert (done.returncode, done.stderr.count("written: ")) == (0, 3), done.stderr
    assert rules(audit(code=0)) == set()
    before = {file: file.read_bytes() for file in root.rglob("*")}
    assert cxrcat("audit", "study", "--fix").returncode == 0
    assert {file: file.read_bytes() for file in root.rglob("*")} == before


def test_what_the_fix_touches(cxrcat: Run, root: Path) -> None:
    (root / "README.md").write_bytes(b"# Study\r\n\r\nTrained on ChestX-ray14.\r\n")
    (root / "CITATION.cff").write_text("mine")
    (root / "other.md").write_text("untouched")
    done = cxrcat("audit", "study", "--fix")
    assert "CITATION.cff" not in done.stderr
    text = (root / "README.md").read_bytes()
    assert text.startswith(b"# Study\r\n\r\nTrained on ChestX-ray14.\r\n")
    assert b"\n" not in text.replace(b"\r\n", b"")
    assert (root / "CITATION.cff").read_text() == "mine"
    assert (root / "other.md").read_text() == "untouched"
    assert sorted(path.name for path in root.iterdir()) == [
        *("ATTRIBUTION.md", "CITATION.cff", "README.md", "other.md"),
    ]


def test_the_fix_keeps_what_stands_outside_of_its_marks(cxrcat: Run, root: Path) -> None:
    begin, end = "<!-- cxrcat:attribution -->", "<!-- /cxrcat:attribution -->"
    readme, paper = root / "README.md", root / "ATTRIBUTION.md"
    mine = (
        f"# Study\r\n\nTrained on ChestX-ray14; `{begin}` and `{end}` mark it.\n{begin}\nMine.  \n"
    )
    readme.write_bytes(mine.encode())
    cxrcat("audit", "study", "--fix")
    paper.write_text(paper.read_text() + "Also mine.\n")
    before = readme.read_bytes()
    assert before.startswith(mine.encode())
    (root / "more.md").write_text("We used four_findings_expert_labels_test_labels.csv.\n")
    assert "written: study/README.md" in cxrcat("audit", "study", "--fix").stderr
    assert readme.read_bytes().startswith(mine.encode())
    assert b"10.1148/radiol" in readme.read_bytes()
    assert paper.read_text().endswith("\nAlso mine.\n")
    assert "10.1148/radiol" in paper.read_text()


def test_the_fix_leaves_a_readme_in_another_encoding(cxrcat: Run, audit: Audit, root: Path) -> None:
    data = "# Study\n\nTrained on ChestX-ray14.\n".encode("utf-16")
    (root / "README.md").write_bytes(data)
    assert "README" not in cxrcat("audit", "study", "--fix").stderr
    assert (root / "README.md").read_bytes() == data
    assert rules(audit(code=0)) == set()


def test_the_fix_changes_no_export(cxrcat: Run, work: Path) -> None:
    cxrcat("export", "--subset", "hernia")
    whole = cxrcat("audit", "hernia", "--fix")
    assert (whole.returncode, "written" in whole.stderr) == (0, False)
    (work / "hernia/ATTRIBUTION.md").unlink()
    done = cxrcat("audit", "hernia", "--fix")
    assert (done.returncode, "written" in done.stderr) == (1, False)
    assert "missing: ATTRIBUTION.md" in cxrcat("verify", "hernia").stdout


def test_a_fixed_citation_of_a_folder_whose_name_is_no_text(cxrcat: Run, work: Path) -> None:
    place = os.fsdecode(os.fsencode(work) + b"/caf\xe9")
    Path(place).mkdir()
    Path(place, "README.md").write_text("Trained on ChestX-ray14.\n")
    assert cxrcat("audit", place, "--fix", "--fail-on", "note").returncode == 0


def test_a_project_that_is_named_from_within(cxrcat: Run, root: Path) -> None:
    (root / "README.md").write_text("Trained on ChestX-ray14.\n")
    (root / "src").mkdir()
    for place in ("..", "../../study/src/.."):
        done = cxrcat("audit", place, "--json", cwd=root / "src")
        (project,) = json.loads(done.stdout)["projects"]
        assert (project["name"], project["root"]) == ("study", str(root))
    assert cxrcat("audit", "..", "--fix", cwd=root / "src").returncode == 0
    assert "\ntitle: study\n" in (root / "CITATION.cff").read_text()
    assert {row["root"] for row in json.loads(cxrcat("audits", "--json").stdout)} == {str(root)}


def test_results_go_into_pipes_and_devices_and_replace_none(
    cxrcat: Run, root: Path, work: Path
) -> None:
    (root / "README.md").write_text("Trained on ChestX-ray14.\n")
    pipe = work / "pipe"
    os.mkfifo(pipe)
    command = ("audit", "study", "--format", "json", "--output")
    with ThreadPoolExecutor() as pool:
        read = pool.submit(pipe.read_bytes)
        assert cxrcat(*command, "pipe").returncode == 1
        json.loads(read.result(60))
    assert pipe.is_fifo()
    json.loads(cxrcat(*command, "/dev/stdout").stdout)
    table = cxrcat("audit", "study", "--output", "table.txt")
    assert (table.returncode, table.stdout) == (1, "")
    assert (work / "table.txt").read_text() == cxrcat("audit", "study").stdout
    with (work / "out.json").open("w") as stream:
        link = work / "own"
        link.symlink_to("/proc/self/fd/1")
        cxrcat(*command, "own", stdout=stream, stderr=None, capture_output=False)
    assert link.is_symlink()
    json.loads((work / "out.json").read_text())


def test_the_fix_writes_through_no_link(cxrcat: Run, root: Path, work: Path) -> None:
    outside = work.parent / "outside.md"
    outside.write_text("Trained on ChestX-ray14.")
    (root / "README.md").unlink()
    (root / "README.md").symlink_to(outside)
    (root / "train.py").write_text("data = xrv.datasets.NIH_Dataset(path)\n")
    cxrcat("audit", "study", "--fix")
    assert outside.read_text() == "Trained on ChestX-ray14."


def test_a_fixed_citation_is_valid(cxrcat: Run, root: Path, validator: Callable[..., Path]) -> None:
    (root / "README.md").write_text("Trained on ChestX-ray14.")
    cxrcat("audit", "study", "--fix")
    command = validator("cffconvert")
    done = subprocess.run(
        [command, "--validate", "-i", root / "CITATION.cff"], capture_output=True, check=False
    )
    assert done.returncode == 0, done.stdout


def test_expert_labels_owe_their_paper(audit: Audit, root: Path) -> None:
    table = "Image ID,Patient ID,Abnormal,Atelectasis,Cardiomegaly,Consolidation,Edema,Effusion"
    (root / "labels.csv").write_text(f"{table}\n00000003_000.png,3,YES,NO,NO,NO,NO,NO\n")
    project = audit(code=1)
    assert rules(project) == {"expert-labels-uncited"}
    assert project["facts"]["tables"][0]["path"] == "labels.csv"
    (root / "paper.bib").write_text("@article{n, doi = {10.1038/s41598-021-93967-2}}\n")
    assert rules(audit(code=0)) == set()


def test_a_derived_dataset_owes_nihs_duties(audit: Audit, root: Path) -> None:
    (root / "README.md").write_text("We train on the RSNA Pneumonia Detection Challenge data.\n")
    assert "derived-dataset" in rules(audit(code=1))
    (root / "README.md").write_text(
        "We train on the RSNA Pneumonia Detection Challenge data (10.1148/ryai.2019180041). "
        f"{WORDS}"
    )
    assert "derived-dataset" not in rules(audit(code=0))


def test_an_export_is_known_whole_and_used(cxrcat: Run, audit: Audit, root: Path) -> None:
    assert cxrcat("export", "--subset", "hernia", "--to", root / "data").returncode == 0
    project = audit(code=0)
    assert rules(project) == {"unrecorded-use"}
    (found,) = project["facts"]["exports"]
    assert (found["subset"], found["images"]) == ("hernia@1", 227)
    (root / "data").rename(root / "renamed")
    assert audit(code=0)["facts"]["exports"][0]["folder"] == "renamed"
    assert cxrcat("project", "add", "p").returncode == 0
    done = cxrcat(
        "use", "add", "--export", root / "renamed", "--project", "p", "--kind", "training"
    )
    assert done.returncode == 0, done.stderr
    assert rules(audit(code=0)) == set()
    with (root / "renamed" / "metadata.csv").open("a") as stream:
        stream.write("x")
    project = audit(code=1)
    assert rules(project) == {"changed-export"}
    assert "metadata.csv: was changed" in project["problems"][0]["message"]


def test_an_export_of_another_catalog(cxrcat: Run, audit: Audit, root: Path, work: Path) -> None:
    other = {"CXRCAT_CATALOG": str(work / "other.sqlite")}
    assert cxrcat("export", "--subset", "mass", "--to", root / "m", env=other).returncode == 0
    assert rules(audit(code=0)) == {"unknown-export"}
    assert cxrcat("register", root / "m").returncode == 0
    assert rules(audit(code=0)) == {"unrecorded-use"}


def test_images_that_no_export_explains(cxrcat: Run, audit: Audit, root: Path) -> None:
    (root / "images").mkdir()
    for number, name in enumerate(NAMES):
        (root / "images" / name).write_bytes(png(seed=number))
    project = audit(code=0)
    assert rules(project) == {"unexplained-images"}
    assert project["facts"]["images"][0]["images"] == 3
    # Renamed, they are known by their bytes once the catalog has seen these.
    assert cxrcat("scan", root / "images").returncode in (0, 1)
    for number, name in enumerate(NAMES):
        (root / "images" / name).rename(root / "images" / f"patient{number}.png")
    (found,) = audit(code=0)["facts"]["images"]
    assert (found["how"], found["images"]) == ("checksum", 3)


def test_an_export_that_was_moved_explains_what_it_did(
    cxrcat: Run, audit: Audit, root: Path, work: Path
) -> None:
    (work / "names.txt").write_text(f"{NAMES[0]}\n")
    assert cxrcat("subset", "create", "first", "--from-list", "names.txt").returncode == 0
    assert cxrcat("export", "--subset", "first", "--to", "before/first").returncode == 0
    (work / "before" / "first").rename(root / "moved")
    (root / "images").mkdir()
    (root / "images" / NAMES[0]).write_bytes(b"x")
    assert "unexplained-images" not in rules(audit())
    (root / "images" / NAMES[1]).write_bytes(b"x")
    (problem,) = (each for each in audit()["problems"] if each["rule"] == "unexplained-images")
    assert "brought 1 images" in problem["message"]


WITHOUT_PDF = """\
from importlib import util
found = util.find_spec
util.find_spec = lambda name, *rest: None if name == "pypdf" else found(name, *rest)
"""


def test_what_could_not_be_read_is_said(cxrcat: Run, root: Path, tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(WITHOUT_PDF)
    (root / "paper.pdf").write_bytes(b"%PDF-1.4\n")
    done = cxrcat("audit", "study", env={"PYTHONPATH": str(tmp_path)})
    assert done.stderr == "not read: 1 files and folders; --explain says which and why\n"


def test_images_in_archives(audit: Audit, root: Path) -> None:
    with zipfile.ZipFile(root / "a.zip", "w") as archive:
        for name in NAMES:
            archive.writestr(f"images/{name}", b"x")
    with tarfile.open(root / "b.tar.gz", "w:gz") as packed:
        packed.add(root / "README.md", "README.md")
        packed.add(root / "README.md", NAMES[0])
    (root / "c.h5").write_bytes(b"\x89HDF\0" + "\0".join([*NAMES[:2], NAMES[0]]).encode())
    (root / "broken.zip").write_bytes(b"PK\3\4")
    project = audit(code=1)
    found = {each["path"]: each for each in project["facts"]["images"]}
    assert {path: each["images"] for path, each in found.items()} == {
        "a.zip": 3,
        "b.tar.gz": 1,
        "c.h5": 2,
    }
    assert found["c.h5"]["count"] == 2
    broken = [each["path"] for each in project["problems"]]
    assert broken == ["a.zip"]  # of the others, one has a README inside, and one beside
    (root / "README.md").write_text("Data.\n")
    packed = [each for each in audit(code=1)["problems"] if each["rule"].startswith("redistr")]
    assert [each["path"] for each in packed] == ["a.zip", "c.h5"]


def test_data_that_is_committed(audit: Audit, root: Path) -> None:
    (root / "images").mkdir()
    (root / "images" / NAMES[0]).write_bytes(png())
    (root / "README.md").write_text("# Study\n")
    git(root, "init", "--quiet")
    assert "redistributed-without-papers" not in rules(audit())
    git(root, "add", ".")
    project = audit(code=1)
    assert "redistributed-without-papers" in rules(project)
    assert project["facts"]["images"][0]["tracked"] == 1
    (root / "README.md").write_text(WORDS)
    assert "redistributed-without-papers" not in rules(audit())


def test_the_papers_of_an_export_count_unless_git_ignores_it(
    cxrcat: Run, audit: Audit, root: Path
) -> None:
    (root / "README.md").write_text("# Study\n\nTrained on ChestX-ray14.\n")
    git(root, "init", "--quiet")
    assert cxrcat("export", "--subset", "hernia", "--to", root / "slice").returncode == 0
    assert "missing-link" not in rules(audit())  # not yet added, and to be
    (root / ".gitignore").write_text("slice/\n")
    assert "missing-link" in rules(audit(code=1))
    assert cxrcat("audit", root / "slice").returncode == 0  # a project by itself
    git(root, "add", "--force", "slice")
    assert "missing-link" not in rules(audit())


def test_a_patient_in_train_and_test(cxrcat: Run, audit: Audit, root: Path) -> None:
    for part, where in (("train", "hernia and follow_up > 0"), ("test", "hernia")):
        assert cxrcat("subset", "create", f"h-{part}", "--where", where).returncode == 0
        assert cxrcat("export", "--subset", f"h-{part}", "--to", root / part).returncode == 0
    project = audit(code=1)
    assert "patient-leak" in rules(project)
    (leak,) = [each for each in project["problems"] if each["rule"] == "patient-leak"]
    assert " patients are both in " in leak["message"]


def test_a_split_by_patient_does_not_leak(cxrcat: Run, audit: Audit, root: Path) -> None:
    done = cxrcat("subset", "split", "hernia", "--into", "train=0.7,test=0.3")
    assert done.returncode == 0, done.stderr
    for part in ("train", "test"):
        assert cxrcat("export", "--subset", f"hernia-{part}", "--to", root / part).returncode == 0
    assert "patient-leak" not in rules(audit(code=0))


def test_images_that_were_withdrawn_since(cxrcat: Run, audit: Audit, root: Path) -> None:
    assert cxrcat("export", "--subset", "hernia", "--to", root / "h").returncode == 0
    name = (root / "h" / "metadata.csv").read_text().splitlines()[1].partition(",")[0]
    assert cxrcat("withdraw", "--image", name, "--reason", "consent").returncode == 0
    project = audit(code=1)
    assert "withdrawn-images" in rules(project)
    (gone,) = [each for each in project["problems"] if each["rule"] == "withdrawn-images"]
    assert name in gone["message"]
    assert "consent" in gone["message"]


def test_an_invalid_cff(audit: Audit, root: Path) -> None:
    (root / "CITATION.cff").write_text("title: x\n")
    assert rules(audit(code=0)) == {"invalid-cff"}


def test_settings_of_the_project(cxrcat: Run, audit: Audit, root: Path) -> None:
    (root / "CITATION.cff").write_text("title: x\n")
    (root / "cxrcat.toml").write_text('[audit.rules]\ninvalid-cff = "error"\n')
    assert audit(code=1)["problems"][0]["severity"] == "error"
    (root / "cxrcat.toml").write_text('[audit.rules]\ninvalid-cff = "off"\n')
    assert rules(audit(code=0)) == set()
    (root / "cxrcat.toml").write_text('[audit]\nexclude = ["CITATION.cff"]\n')
    assert rules(audit(code=0)) == set()
    (root / "cxrcat.toml").write_text('[audit.rules]\ninvalid-cf = "off"\n')
    done = cxrcat("audit", "study")
    assert (done.returncode, done.stdout) == (2, "")
    assert "invalid-cff" in done.stderr
    (root / "cxrcat.toml").write_text("[audit\n")
    done = cxrcat("audit", "study")
    assert done.returncode == 2
    assert "cxrcat.toml: is not TOML" in done.stderr


def test_a_baseline_and_fail_on(cxrcat: Run, audit: Audit, root: Path) -> None:
    (root / "README.md").write_text("We train on ChestX-ray14.\n")
    assert cxrcat("audit", "study", "--fail-on", "never").returncode == 0
    assert cxrcat("audit", "study", "--write-baseline", "known.json").returncode == 0
    project = audit("--baseline", "known.json", code=0)
    assert (len(project["problems"]), len(project["known"])) == (0, 3)
    (root / "CITATION.cff").write_text("title: x\n")
    assert rules(audit("--baseline", "known.json", code=0)) == {"invalid-cff"}
    assert (
        cxrcat("audit", "study", "--baseline", "known.json", "--fail-on", "warning").returncode == 1
    )
    assert rules(audit("--rule", "invalid-cff", code=0)) == {"invalid-cff"}
    done = cxrcat("audit", "study", "--rule", "invalid-cf")
    assert done.returncode == 2
    assert "invalid-cff" in done.stderr


def test_facts_are_kept_until_something_changes(audit: Audit, root: Path) -> None:
    assert rules(audit(code=0)) == set()
    (root / "train.py").write_text("a = 1\n")
    assert audit(code=0)["facts"]["files"] == 2
    (root / "README.md").write_text("We train on ChestX-ray14.\n")
    assert len(rules(audit(code=1))) == 3


def test_audits_are_recorded(cxrcat: Run, root: Path) -> None:
    assert cxrcat("audit", "study").returncode == 0
    (root / "README.md").write_text("We train on ChestX-ray14.\n")
    assert cxrcat("audit", "study").returncode == 1
    assert cxrcat("audit", "study", "--rule", "invalid-cff").returncode == 0
    assert cxrcat("audit", "study", "--fix").returncode == 0
    assert cxrcat("audit", "study", "--no-record").returncode == 0
    assert cxrcat("audit", "study", "--baseline", "none.json").returncode == 2
    rows = json.loads(cxrcat("audits", "--json").stdout)
    assert [(row["errors"], len(row["new"]), len(row["mended"])) for row in rows] == [
        (0, 0, 3),
        (3, 3, 0),
        (0, 0, 0),
    ]
    shown = cxrcat("audits", "--changes", "--limit", "2").stdout
    assert shown.count(": mended: missing-") == 3
    assert shown.count(": new: missing-") == 3


@pytest.mark.usefixtures("root")
def test_the_words_are_shown(cxrcat: Run) -> None:
    shown = cxrcat("audit", "study", "--explain").stdout
    assert f"nih-link (url) by README.md:3: {LINK}" in shown
    assert "nih-citation (doi) by README.md:3" in shown


def test_a_report_for_a_steward(cxrcat: Run, root: Path, work: Path) -> None:
    assert cxrcat("project", "add", "p", "--path", root, "--title", "<b>Study</b>").returncode == 0
    where = "hernia and follow_up > 0"
    assert cxrcat("subset", "create", "late", "--where", where).returncode == 0
    assert (
        cxrcat("export", "--subset", "late", "--to", root / "d", "--project", "p").returncode == 0
    )
    done = cxrcat("use", "add", "--subset", "late", "--project", "p", "--kind", "training")
    assert done.returncode == 0, done.stderr
    cxrcat("audit", "study")
    done = cxrcat("report", "--html", "report.html")
    assert (done.returncode, done.stdout) == (0, "report.html\n"), done.stderr
    with opened(work / "report.html") as (page, wrong):
        for heading in ("Datasets", "Projects", "Audits", "Uses", "Exports", "Subsets", "Lineage"):
            assert page.locator("h2", has_text=heading).is_visible()
        assert page.locator("td", has_text="<b>Study</b>").is_visible()
        assert page.locator("td", has_text="3 of 3 duties met").is_visible()
        assert page.locator("svg rect").count() >= 5
    assert wrong == []
    found = json.loads(cxrcat("report", "--json").stdout)
    assert found["projects"][0]["audit"]["met"] == 3


@pytest.mark.usefixtures("root")
@pytest.mark.parametrize("place", ["nowhere", "study/README.md"])
def test_a_path_that_is_no_folder(cxrcat: Run, place: str) -> None:
    done = cxrcat("audit", place)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{place}: is no folder" in done.stderr
