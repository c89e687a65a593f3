"""The documentation is run: what it shows is what happens."""

from __future__ import annotations

import doctest
import importlib.util
import os
import re
import subprocess
import sysconfig
from pathlib import Path

import pytest
import yaml

from .conftest import Run

ROOT = Path(__file__).parent.parent


def test_the_api_examples_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "docs" / "python-api.md").read_text("utf-8").replace("```", "")
    test = doctest.DocTestParser().get_doctest(text, {}, "python-api.md", None, 0)
    runner = doctest.DocTestRunner(verbose=False)
    said: list[str] = []
    runner.run(test, out=said.append)
    assert runner.summarize(verbose=False).failed == 0, "".join(said)
    assert runner.tries > 10


def test_the_readme_example_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    text = (ROOT / "README.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "README.md", "exec"), {})  # noqa: S102 - our own text
    assert (tmp_path / "adults" / "provenance.json").is_file()


def test_the_readme_transcript_is_what_happens(tmp_path: Path, sqlite_location: str) -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    (transcript,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    folder = tmp_path / "work"
    folder.mkdir()
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "CXRCAT_CATALOG": sqlite_location, "CXRCAT_USER": "ada"}
    shown = ""
    for command in re.findall(r"^\$ (.*)$", transcript, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=env,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=120,
        )
        shown += f"$ {command}\n{done.stdout.rstrip()}\n"
    shown = shown.replace(str(folder), "/home/ada/work")
    moment = r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\+00:00"
    # Sizes hold the lengths of names of people, hosts and projects.
    varying = rf"{moment}|[\d,]+ bytes"
    assert re.sub(varying, "…", shown) == re.sub(varying, "…", transcript)


@pytest.mark.parametrize(
    "page", ["README.md", *(f"docs/{p.name}" for p in (ROOT / "docs").glob("*.md"))]
)
def test_links_between_pages_lead_somewhere(page: str) -> None:
    text = (ROOT / page).read_text("utf-8")
    for target in re.findall(r"\]\(([^)#:]+)(?:#[^)]*)?\)", text):
        assert ((ROOT / page).parent / target).exists(), target


@pytest.mark.parametrize("page", ["signing.md", "log.md"])
def test_the_transcript_of_a_page_is_what_happens(
    page: str, tmp_path: Path, sqlite_location: str
) -> None:
    text = (ROOT / "docs" / page).read_text("utf-8")
    (transcript,) = re.findall(r"```console\n(.*?)```", text, re.DOTALL)
    folder = tmp_path / "work"
    folder.mkdir()
    path = f"{sysconfig.get_path('scripts')}:{os.environ['PATH']}"
    env = {**os.environ, "PATH": path, "CXRCAT_CATALOG": sqlite_location}
    shown = ""
    for command in re.findall(r"^\$ (.*)$", transcript, re.MULTILINE):
        done = subprocess.run(
            ["bash", "-c", command],
            cwd=folder,
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=True,
            timeout=120,
        )
        shown += f"$ {command}\n{done.stdout}"
    shown = shown.replace(str(folder), "/home/ada/work")
    varying = r"\b[0-9a-f]{32,64}\b|[\d,]+(?= bytes)"
    assert re.sub(varying, "…", shown) == re.sub(varying, "…", transcript)


def test_the_python_of_signing_runs(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, sqlite_location: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("CXRCAT_CATALOG", sqlite_location)
    text = (ROOT / "docs" / "signing.md").read_text("utf-8")
    (example,) = re.findall(r"```python\n(.*?)```", text, re.DOTALL)
    exec(compile(example, "signing.md", "exec"), {})  # noqa: S102 - our own text
    assert (tmp_path / "hernia" / "checksums.sha256.sig").stat().st_size == 64


def test_the_page_of_the_rules_is_current() -> None:
    spec = importlib.util.spec_from_file_location("rules_page", ROOT / "scripts" / "rules.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    assert (ROOT / "docs" / "rules.md").read_text("utf-8") == module.page()


def test_the_hook_runs_as_its_definition_says(cxrcat: Run, work: Path) -> None:
    (hook,) = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
    program, *words = [*hook["entry"].split(), *hook["args"]]
    assert program == "cxrcat"
    assert cxrcat(*words).returncode == 0
    (work / "README.md").write_text("We train on ChestX-ray14.")
    assert cxrcat(*words).returncode == 1


def test_the_workflow_of_the_audits_page_is_one() -> None:
    text = (ROOT / "docs" / "audit.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    workflow = yaml.load(example, yaml.BaseLoader)  # noqa: S506 - for which `on` is a word
    assert {"on", "jobs"} <= set(workflow)
    assert all(job["runs-on"] and job["steps"] for job in workflow["jobs"].values())
