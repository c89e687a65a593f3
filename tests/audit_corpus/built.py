"""Projects in which each rule is broken, or nearly: made with a catalog, its exports and archives.

Words alone break few rules; the others want exports, images, archives, tables and repositories.
Every project names all the rules that it breaks, so that each of them is a negative of the rest.
"""

from __future__ import annotations

import io
import json
import shutil
import subprocess
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path

from cxrcat.catalog import Catalog, NewUse
from cxrcat.catalog.audit.derived import built_in
from cxrcat.catalog.export.plan import Request
from cxrcat.catalog.withdrawals import Withdraw

LINK = "https://nihcc.app.box.com/v/ChestXray-NIHCC"
WORDS = (
    f"# Study\n\nWe use ChestX-ray14 ({LINK}), provided by the NIH Clinical Center "
    "(Wang et al., https://doi.org/10.1109/CVPR.2017.369).\n"
)
BARE = "# Study\n\nA study of shapes.\n"
MISSING = ("missing-link", "missing-citation", "missing-acknowledgement")
PACKED = "redistributed-without-papers"

_SUBSETS = {  # by the where-language; those of one letter share no patient
    "a": "patient <= 4",
    "b": "patient > 4 and patient <= 9",
    "c": "patient > 9 and patient <= 12",
    "both": "patient = 3 or patient = 8",
    "gone": "patient = 100 or patient = 101",
}
_WITHDRAWN = "00000100_000.png"
_IMAGES = ("00000001_000.png", "00000002_000.png", "00000003_001.png")
_SUFFIXES = ("png", "jpg", "jpeg", "npy", "dcm", "tif", "webp")
_FOLDERS = ("data", "dat/in", "raw", "x", "inputs/cxr", "d/e/f", "nih", "pool", "set1", "files")


@dataclass(frozen=True)
class Case:
    """A project's folder, and the rules that it breaks."""

    root: Path
    breaks: frozenset[str]


@dataclass
class Yard:
    """Where projects are made; `exports` are folders of exports to copy, by subset."""

    folder: Path
    catalog: Catalog
    exports: dict[str, Path] = field(default_factory=dict)
    foreign: dict[str, Path] = field(default_factory=dict)
    cases: list[Case] = field(default_factory=list)

    def project(self, *breaks: str, readme: str = WORDS) -> Path:
        """Make a project that breaks these rules and no other."""
        root = self.folder / f"project{len(self.cases):03}"
        root.mkdir()
        (root / "README.md").write_text(readme, "utf-8")
        self.cases.append(Case(root, frozenset(breaks)))
        return root

    def copied(self, subset: str, to: Path) -> Path:
        """Copy an export whose use is on record."""
        return Path(shutil.copytree(self.exports[subset], to))


def build(folder: Path, location: str) -> Yard:
    """Make every project; the catalog at `location` stays open in the yard."""
    (folder / "exports").mkdir()
    (folder / "foreign").mkdir()
    shutil.copy(location, folder / "other.sqlite")
    yard = Yard(folder, Catalog.open(location))
    with Catalog.open(str(folder / "other.sqlite")) as other:
        for name in ("a", "b", "c"):
            yard.foreign[name] = _export(other, name, folder / "foreign" / name)
    yard.catalog.add_project("p")
    for name in _SUBSETS:
        place = _export(yard.catalog, name, folder / "exports" / name)
        yard.catalog.record_use(NewUse("p", "training", export=str(place)))
        yard.exports[name] = place
    for make in (
        _changed, _unknown, _unrecorded, _unexplained, _leaks, _withdrawn, _archives, _committed,
        _citations, _experts, _derived,
    ):  # fmt: skip
        make(yard)
    yard.catalog.withdraw(Withdraw("consent", images=(_WITHDRAWN,)))
    return yard


def _export(catalog: Catalog, subset: str, to: Path) -> Path:
    catalog.create_subset(subset, _SUBSETS[subset])
    catalog.export(Request(subset, to))
    return to


def _append(path: Path) -> None:
    path.write_bytes(path.read_bytes() + b"\n")


def _edit_manifest(path: Path) -> None:
    manifest = json.loads(path.read_text("utf-8"))
    manifest["subset"]["note"] = "ours"
    path.write_text(json.dumps(manifest), "utf-8")


def _unlist(path: Path) -> None:
    path.write_text("\n".join(path.read_text("utf-8").splitlines()[1:]) + "\n", "utf-8")


def _changed(yard: Yard) -> None:
    """An export is changed by whatever is altered, lost, added or renamed in it."""
    harms: list[tuple[str, Callable[[Path], object]]] = [
        *((name, _append) for name in ("metadata.csv", "README.md", "croissant.json")),
        *((name, Path.unlink) for name in ("ATTRIBUTION.md", "CITATION.cff", "metadata.csv")),
        ("model.pt", Path.touch),
        ("provenance.json", _edit_manifest),
        ("checksums.xxh128", _unlist),
        ("checksums.xxh128", Path.unlink),
        ("ATTRIBUTION.md", lambda path: path.rename(path.with_name("CREDITS.md"))),
    ]
    for place, (name, harm) in zip((*_FOLDERS, "last"), harms, strict=True):
        harm(yard.copied("a", yard.project("changed-export") / place) / name)
    for place in _FOLDERS[:3]:  # every other project with an export has a whole one too
        root = yard.project()
        export = yard.copied("b", root / place)
        (export.parent / "model.pt").write_bytes(b"beside it")


def _unknown(yard: Yard) -> None:
    for place in _FOLDERS:
        name = "abc"[len(place) % 3]
        shutil.copytree(yard.foreign[name], yard.project("unknown-export") / place)


def _unrecorded(yard: Yard) -> None:
    """A use of an export, or of its subset in the project's own folder, is on record."""
    for number, place in enumerate(_FOLDERS):
        root = yard.project("unrecorded-use")
        yard.catalog.create_subset(f"u{number}", f"patient = {200 + number}")
        yard.catalog.export(Request(f"u{number}", root / place))
        root = yard.project()
        yard.catalog.create_subset(f"v{number}", f"patient = {300 + number}")
        yard.catalog.export(Request(f"v{number}", root / place))
        yard.catalog.record_use(NewUse("p", "evaluation", export=str(root / place)))


def _lay(folder: Path, *names: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for name in names:
        (folder / name).write_bytes(b"\x89PNG " + name.encode())


def _unexplained(yard: Yard) -> None:
    for number, place in enumerate(_FOLDERS):
        root = yard.project("unexplained-images")
        suffix = _SUFFIXES[number % len(_SUFFIXES)]
        _lay(root / place, f"{_IMAGES[number % 3].partition('.')[0]}.{suffix}")
        if number % 2:  # an export of others explains none of them
            yard.copied("c", root / "export")
    for number, place in enumerate(_FOLDERS):
        root = yard.project()
        if number % 2:
            _lay(root / place, "cat.png", "00000001_999.png", "scan_1.dcm")
            continue
        yard.catalog.create_subset(f"w{number}", f"patient = {400 + number}")
        yard.catalog.export(Request(f"w{number}", root / "export"))
        yard.catalog.record_use(NewUse("p", "training", export=str(root / "export")))
        _lay(root / place, f"{400 + number:08}_000.png")


def _leaks(yard: Yard) -> None:
    pairs = [
        ("train", "test"), ("training", "testing"), ("data/train", "data/test"), ("trn", "holdout"),
        ("in/trainset", "in/testset"), ("val", "test"), ("validation", "eval"), ("dev", "test"),
    ]  # fmt: skip
    for one, other in pairs:
        root = yard.project("patient-leak")
        yard.copied("a", root / one)
        yard.copied("both", root / other)
        root = yard.project()
        yard.copied("a", root / one)
        yard.copied("b", root / other)
    for suffix in ("png", "jpg", "npy"):
        root = yard.project("patient-leak", "unexplained-images")
        _lay(root / "images/train", f"00000003_000.{suffix}")
        _lay(root / "images/test", f"00000003_001.{suffix}")
        root = yard.project("unexplained-images")
        _lay(root / "images/train", f"00000003_000.{suffix}")
        _lay(root / "images/test", f"00000008_000.{suffix}")
    for one, other in (("train", "val"), ("test/a", "test/b"), ("first", "second")):
        root = yard.project()
        yard.copied("a", root / one)
        yard.copied("both", root / other)


def _withdrawn(yard: Yard) -> None:
    for place in _FOLDERS[:5]:
        yard.copied("gone", yard.project("withdrawn-images") / place)
        yard.copied("a", yard.project() / place)
    for suffix in _SUFFIXES:
        name = _WITHDRAWN.partition(".")[0]
        root = yard.project("withdrawn-images", "unexplained-images")
        _lay(root / "images", f"{name}.{suffix}")
        root = yard.project("unexplained-images")
        _lay(root / "images", f"00000101_000.{suffix}")
    root = yard.project("withdrawn-images")
    _pack(root / "a.zip", [_WITHDRAWN, "LICENSE"])


def _pack(path: Path, names: list[str]) -> None:
    """Write an archive or a container with members of these names."""
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix in (".zip", ".whl"):
        with zipfile.ZipFile(path, "w") as archive:
            for name in names:
                archive.writestr(name, b"x")
    elif ".tar" in path.name or path.suffix == ".tgz":
        with tarfile.open(path, "w" if path.suffix == ".tar" else "w:gz") as packed:
            for name in names:
                member = tarfile.TarInfo(name)
                member.size = 1
                packed.addfile(member, io.BytesIO(b"x"))
    else:
        path.write_bytes(b"\x89HDF\0" + "\0".join(names).encode())


def _archives(yard: Yard) -> None:
    images = [f"images/{name}" for name in _IMAGES]
    kinds = ("a.zip", "dist/s-1.0-py3-none-any.whl", "a.tar", "a.tar.gz", "out/b.tgz")
    for name in kinds:
        _pack(yard.project(PACKED) / name, images)
    for name in ("a.h5", "a.hdf5", "x.parquet", "x.npz", "shard-0.tfrecord"):
        _pack(yard.project(PACKED, *MISSING, readme=BARE) / name, images)
        _pack(yard.project() / name, images)
    papers = ("ATTRIBUTION.md", "doc/README.txt", "CITATION.cff", "LICENSE", "NOTICE")
    for name, paper in zip(kinds, papers, strict=True):
        _pack(yard.project() / name, [*images, paper])
        _pack(yard.project() / name, ["images/cat.png", "images/00000001.png"])


def _committed(yard: Yard) -> None:
    """What is in the index of a repository is passed on; what merely lies there is not."""
    header = "Image Index,Finding Labels,Follow-up #,Patient ID\n00000001_000.png,Hernia,0,1\n"
    boxes = "Image Index,Finding Label,Bbox [x,y,w,h],,,\n00000013_005.png,Mass,6.0,5.0,8.0,7.0\n"
    for number, folder in enumerate(("images", "data/raw", "samples")):
        _lay(_repository(yard.project("unexplained-images", PACKED, *MISSING, readme=BARE))
             / folder, _IMAGES[number])  # fmt: skip
        _lay(_repository(yard.project("unexplained-images")) / folder, _IMAGES[number])
        _lay(_repository(yard.project("unexplained-images", *MISSING, readme=BARE), all_of=False)
             / folder, _IMAGES[number])  # fmt: skip
    for name, table in (("labels.csv", header), ("d/meta.csv", header), ("boxes.csv", boxes)):
        for readme, breaks in ((BARE, (PACKED, *MISSING)), (WORDS, ())):
            place = _repository(yard.project(*breaks, readme=readme)) / name
            place.parent.mkdir(exist_ok=True)
            place.write_text(table)
    for case in yard.cases:
        if (case.root / ".all").exists():
            (case.root / ".all").unlink()
            subprocess.run(["git", "add", "."], cwd=case.root, check=True, capture_output=True)


def _repository(root: Path, *, all_of: bool = True) -> Path:
    subprocess.run(["git", "init", "--quiet"], cwd=root, check=True, capture_output=True)
    if all_of:
        (root / ".all").touch()
    return root


_CFF = "cff-version: 1.2.0\nmessage: Cite it.\ntitle: Study\nauthors:\n  - {family-names: Roe}\n"


def _citations(yard: Yard) -> None:
    wrong = (
        "title: Study\n", "- a\n- b\n", _CFF.replace("message: Cite it.\n", ""),
        _CFF.replace("1.2.0", "9"), _CFF + "journal: Nature\n",
        _CFF + "doi: https://doi.org/10.1000/182\n", _CFF + "date-released: 1 May 2020\n",
        _CFF + "type: article\n", _CFF + "preferred-citation: {type: article}\n",
        _CFF.replace("{family-names: Roe}", "{orcid: none}"), "cff-version: [1.2.0\n",
    )  # fmt: skip
    right = (
        _CFF, _CFF.replace("1.2.0", "1.1.0"), _CFF + "type: dataset\n", _CFF + "license: MIT\n",
        _CFF + "doi: 10.1000/182\n", _CFF + "date-released: 2020-05-01\n",
        _CFF.replace("{family-names: Roe}", "{name: The team}"), _CFF + "version: '2'\n",
        _CFF + "keywords: [a, b]\nabstract: |\n  Words.\n",
        _CFF + "references:\n  - {type: article, title: T, authors: [{name: N}]}\n",
    )  # fmt: skip
    for text in wrong:
        (yard.project("invalid-cff") / "CITATION.cff").write_text(text)
    for text in right:
        (yard.project() / "CITATION.cff").write_text(text)


_EXPERTS = {
    "four_findings": (
        "10.1148/radiol.2019191293",
        (
            "Chest Radiograph Interpretation with Deep Learning Models: Assessment with "
            "Radiologist-adjudicated Reference Standards and Population-adjusted Evaluation"
        ),
    ),
    "all_findings": (
        "10.1038/s41598-021-93967-2",
        (
            "Deep learning for distinguishing normal versus abnormal chest radiographs and "
            "generalization to two unseen diseases tuberculosis and COVID-19"
        ),
    ),
}


def _experts(yard: Yard) -> None:
    """Labels of experts owe their own paper; each is cited in one of the ways that people have."""
    table = "Image ID,Patient ID,Abnormal,Atelectasis,Cardiomegaly,Consolidation,Edema,Effusion\n"
    bucket = "gs://gcs-public-data--healthcare-nih-chest-xray-labels"
    for part, (doi, title) in _EXPERTS.items():
        name = f"{part}_expert_labels"
        signs = {
            "train.py": f'labels = read_csv("{name}/test_labels.csv")\n',
            "get.sh": f"gsutil cp -r {bucket}/{name} .\n",
            "config.yaml": f"labels: data/{name}/validation_labels.csv\n",
            "DATA.md": f"The test labels are those in `{name}`.\n",
            "n.ipynb": _notebook(f"adjudicated = pd.read_csv('../input/{name}/test.csv')"),
        }
        cited = {
            "paper.bib": f"@article{{x, title = {{{{{title}}}}}, year = 2020}}\n",
            "REFERENCES.md": f"1. https://doi.org/{doi}\n",
            "main.tex": f"\\bibitem{{x}} \\emph{{{title}}}.\n",
            "CREDITS.txt": f"Labels: {title}.\n",
            "NOTES.rst": f"Labels after `the paper <https://doi.org/{doi}>`_.\n",
        }
        for (sign, words), (paper, entry) in zip(signs.items(), cited.items(), strict=True):
            (yard.project("expert-labels-uncited") / sign).write_text(words)
            root = yard.project()
            (root / sign).write_text(words)
            (root / paper).write_text(entry)
        if part == "all_findings":
            (yard.project("expert-labels-uncited") / "t.csv").write_text(f"{table}a,1,,,,,,\n")


def _notebook(code: str) -> str:
    cell = {"cell_type": "code", "metadata": {}, "outputs": [], "source": [code]}
    return json.dumps({"cells": [cell], "metadata": {}, "nbformat": 4, "nbformat_minor": 5})


def _derived(yard: Yard) -> None:
    for made in built_in():
        words = f"We train our model on {made.recognise.names[0]}.\n"
        yard.project("derived-dataset", *MISSING, readme=f"# Study\n\n{words}")
        yard.project(readme=f"{WORDS}\n{words}")
        link = f"# Study\n\nData: {LINK}\n\n{words}"
        yard.project("derived-dataset", *MISSING[1:], readme=link)
        yard.project(readme=f"{BARE}\nUnlike {made.recognise.names[0]}, ours is made of shapes.\n")
