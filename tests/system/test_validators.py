"""Other people's validators on what exports hold, and ``cite`` against the same files."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from ..checks import DOI, LINK, TITLE, check_export, rows_of
from ..conftest import Run, png
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


def test_the_crates_are_valid(validator: Callable[..., Path], exported: Exported) -> None:
    command = validator("roc-validator", "rocrate-validator")
    cache = crate_cache(command.with_name("python"), exported.folders[0].parent)
    for folder in exported.folders[:2]:
        done = validated_crate(command, folder, cache)
        assert done.returncode == 0, done.stdout + done.stderr
        assert json.loads(done.stdout)["validation_settings"]["profile_identifier"] == (
            "process-run-crate-0.5"
        )


def test_the_validator_of_crates_can_fail(
    validator: Callable[..., Path], exported: Exported, tmp_path: Path
) -> None:
    command = validator("roc-validator", "rocrate-validator")
    cache = crate_cache(command.with_name("python"), tmp_path)
    folder = Path(shutil.copytree(exported["hernia"], tmp_path / "hernia"))
    path = folder / "ro-crate-metadata.json"
    path.write_text(path.read_text().replace('"instrument"', '"tool"'))
    assert validated_crate(command, folder, cache).returncode == 1


def test_the_crates_meet_the_next_version_but_for_its_name(
    validator: Callable[..., Path], exported: Exported, tmp_path: Path
) -> None:
    """RO-Crate 1.2, read as such, finds nothing but people whose ORCID nobody has told."""
    command = validator("roc-validator", "rocrate-validator")
    context = command.parents[2] / "ro-crate" / "context-1.2.json"
    if not context.exists():
        pytest.skip(f"{context} is not there: run scripts/test-tools")
    cache = crate_cache(command.with_name("python"), tmp_path, "1.2", context)
    folder = Path(shutil.copytree(exported["hernia"], tmp_path / "hernia"))
    path = folder / "ro-crate-metadata.json"
    path.write_text(path.read_text().replace("/ro/crate/1.1", "/ro/crate/1.2"))
    done = validated_crate(command, folder, cache, "-p", "ro-crate-1.2")
    issues = json.loads(done.stdout)["issues"]
    assert {each["severity"] for each in issues} == {"RECOMMENDED"}
    assert {each["message"].partition(" SHOULD ")[2].partition(" as ")[0] for each in issues} == {
        "have an ORCID identifier"
    }


def validated_crate(
    command: Path, folder: Path, cache: Path, *options: str
) -> subprocess.CompletedProcess[str]:
    arguments = ["-y", "validate", "--no-paging", "--offline", "--cache-path", cache]
    arguments += ["-l", "recommended", "-f", "json", *options, folder]
    return subprocess.run([command, *arguments], capture_output=True, text=True, check=False)


def crate_cache(
    python: Path, home: Path, version: str = "1.1", context: Path | None = None
) -> Path:
    """Fill a cache with a context of RO-Crate, as if it had been fetched; return its path."""
    program = """
import importlib.resources, io, pathlib, sys
import requests, requests_cache, urllib3
url = f"https://w3id.org/ro/crate/{sys.argv[2]}/context"
file = importlib.resources.files("rocrate") / "data" / "ro-crate.jsonld"
data = (pathlib.Path(sys.argv[3]) if sys.argv[3:] else file).read_bytes()
headers = {"Content-Type": "application/ld+json"}
session = requests_cache.CachedSession(sys.argv[1], backend="sqlite", expire_after=-1)
for accept in ({"Accept": "application/ld+json, application/json"}, {}):
    answer = requests.Response()
    answer.status_code, answer.url, answer._content = 200, url, data
    answer.headers.update(headers)
    body = io.BytesIO(data)
    answer.raw = urllib3.HTTPResponse(
        body=body, status=200, headers=headers, preload_content=False, request_url=url
    )
    answer.request = requests.Request("GET", url, headers=accept).prepare()
    session.cache.save_response(answer)
"""
    file = home / "http"
    subprocess.run(
        [python, "-c", program, file, version, *filter(None, [context])], check=True, cwd=home
    )
    return file


def test_croissants_are_valid_and_load(
    validator: Callable[..., Path], exported: Exported, tmp_path: Path
) -> None:
    command = validator("mlcroissant")
    source = tmp_path / "images"
    source.mkdir()
    for row in rows_of(exported["hernia"]):
        (source / row["name"]).write_bytes(png())
    exported.run(
        "export",
        "--subset",
        "hernia",
        "--to",
        tmp_path / "whole",
        "--images",
        "copy",
        "--from",
        source,
    )
    check_export(tmp_path / "whole")
    program = """
import json, sys
import mlcroissant
dataset = mlcroissant.Dataset(jsonld=sys.argv[1])
assert not dataset.metadata.ctx.issues.warnings and not dataset.metadata.ctx.issues.errors
found = {}
for record_set in dataset.metadata.record_sets:
    records = list(dataset.records(record_set.id))
    found[record_set.id] = [len(records), sorted(records[0]) if records else []]
    if record_set.id == "images":
        assert all(each["images/content"].size == (4, 4) for each in records)
        assert all(each["images/name"].decode() in each["images/path"].decode() for each in records)
print(json.dumps(found))
"""
    for folder in (*exported.folders, tmp_path / "whole"):
        path = folder / "croissant.json"
        done = subprocess.run(
            [command, "validate", "--jsonld", path], capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert "warning" not in done.stderr, done.stderr
        loaded = subprocess.run(
            [command.with_name("python"), "-c", program, path],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        assert loaded.returncode == 0, loaded.stderr
        found = json.loads(loaded.stdout)
        assert found["metadata"][0] == len(rows_of(folder))
        assert ("images" in found) == (folder.name == "whole")
    assert found["images"][0] == 227
