"""Other people's validators on what exports hold, and ``cite`` against the same files."""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..checks import DOI, LINK, TITLE, check_export
from ..conftest import Run
from .conftest import COMMAND, TINY_ROWS, WITH_SOURCE

QUESTIONS = {
    "hernia": "hernia",
    "women": "pneumothorax and sex = 'F' and age between 18 and 65",
    "marks": "name in ('00000001_000.png', 'no:such # \"& <b> | *`') or (mass and not nodule)",
    "nobody": "age > 94",
    "read": "boxed(mass) and in_subset(women)",
}
FILES = {
    "text": "citations/citation.txt",
    "bibtex": "citations/references.bib",
    "ris": "citations/references.ris",
    "csl": "citations/references.csl.json",
    "cff": "CITATION.cff",
}
STYLES = {  # what the style alone writes of the authors and the pages
    "apa": ("Wang, X., Peng, Y.", "3462–3471"),
    "vancouver": ("Wang X, Peng Y", "3462-71"),
    "ieee": ("X. Wang, Y. Peng", "3462–3471"),
    "ama": ("Wang X, Peng Y", "3462-3471"),
    "chicago": ("Wang, Xiaosong", "3462–"),
    "mla": ("Wang, Xiaosong, et al.", "pp. 3462–71"),
    "harvard": ("Wang, X., Peng, Y.", "2017. ", "3462–3471"),
    "elsevier-vancouver": ("Wang X, Peng Y", "p. 3462–71"),
}


@dataclass(frozen=True)
class Exported:
    """Exports of questions of several kinds, one of another dataset, and the command for more."""

    folders: list[Path]
    run: Callable[..., str]

    def __getitem__(self, name: str) -> Path:
        return next(folder for folder in self.folders if folder.name == name)


@pytest.fixture(scope="module")
def exported(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Exported:
    home = tmp_path_factory.mktemp("validated")
    work = home / "work"
    work.mkdir()
    catalog = shutil.copy(template, home / "catalog.sqlite")

    def run(*arguments: str | Path) -> str:
        done = subprocess.run(
            [COMMAND, "--catalog", catalog, *arguments],
            cwd=work,
            env={"PATH": os.environ["PATH"], "HOME": str(home)},
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done
        return done.stdout

    note = "a note: with \"quotes\", 'more', # and ünïcödé"
    for name, where in QUESTIONS.items():
        run("subset", "create", name, "--where", where, "--note", note)
        run("export", "--subset", name)
    (home / "dataset.yaml").write_text(WITH_SOURCE, encoding="utf-8")
    (home / "rows.csv").write_text(TINY_ROWS, encoding="utf-8")
    run("dataset", "add", home / "dataset.yaml")
    run("export", "--subset", "tiny/nodule")
    folders = [work / name for name in (*QUESTIONS, "nodule")]
    for folder in folders:
        check_export(folder)
    return Exported(folders, run)


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("cffconvert", ["--validate", "-i"]),
        ("check-jsonschema", ["--builtin-schema", "vendor.citation-file-format"]),
    ],
)
def test_citation_files_are_valid(
    validator: Callable[..., Path], exported: Exported, name: str, arguments: list[str]
) -> None:
    command = validator(name)
    for folder in exported.folders:
        done = subprocess.run(
            [command, *arguments, folder / "CITATION.cff"],
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, (folder, done.stdout + done.stderr)


def test_the_validators_can_fail(validator: Callable[..., Path], tmp_path: Path) -> None:
    path = tmp_path / "CITATION.cff"
    path.write_text("cff-version: 1.2.0\ntitle: no authors\n")
    for command in (
        [validator("cffconvert"), "--validate", "-i", path],
        [
            validator("check-jsonschema"),
            "--builtin-schema",
            "vendor.citation-file-format",
            path,
        ],
    ):
        assert subprocess.run(command, capture_output=True, check=False).returncode != 0


def test_manifests_meet_the_schema_that_the_command_prints(
    validator: Callable[..., Path], exported: Exported, tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(exported.run("schema"))
    command = [validator("check-jsonschema"), "--regex-variant", "python", "--schemafile", schema]
    manifests = [folder / "provenance.json" for folder in exported.folders]
    done = subprocess.run([*command, *manifests], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_schema_is_valid_wherever_it_is_read(
    cxrcat: Run, validator: Callable[..., Path], tmp_path: Path
) -> None:
    schema = tmp_path / "schema.json"
    schema.write_text(cxrcat("schema").stdout)
    command = [validator("check-jsonschema"), "--check-metaschema", schema]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


def test_what_is_cited_is_what_the_export_holds(exported: Exported) -> None:
    for form, file in FILES.items():
        for name, subset in (("hernia", "hernia"), ("nodule", "tiny/nodule")):
            held = (exported[name] / file).read_text("utf-8")
            assert exported.run("cite", exported[name], "--format", form) == held
            assert exported.run("cite", "--subset", subset, "--format", form) == held
    held = (exported["hernia"] / FILES["text"]).read_text("utf-8")
    assert exported.run("cite", "hernia") == held


@pytest.mark.parametrize("style", STYLES)
def test_styles(cxrcat: Run, style: str) -> None:
    done = cxrcat("cite", "--subset", "hernia", "--style", style)
    assert (done.returncode, done.stderr) == (0, "")
    assert TITLE.casefold() in done.stdout.casefold()
    for words in (DOI, LINK, "The NIH Clinical Center is the data provider", *STYLES[style]):
        assert words in done.stdout, words
    explicit = cxrcat("cite", "--subset", "hernia", "--style", style, "--format", "text")
    assert explicit.stdout == done.stdout
