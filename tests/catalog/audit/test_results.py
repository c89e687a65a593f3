"""An audit's results in every form: valid, complete, and safe whatever a project is called."""

from __future__ import annotations

import json
import os
from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import jsonschema
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyroaring import BitMap

from cxrcat.catalog.audit import baseline
from cxrcat.catalog.audit.known import pack
from cxrcat.catalog.audit.model import (
    AuditReport,
    Facts,
    FoundExport,
    FoundImages,
    Problem,
    ProjectReport,
    Severity,
    Words,
)
from cxrcat.catalog.audit.results import ResultFormat, render
from cxrcat.catalog.audit.rules import rules
from cxrcat.schemas.errors import InputError

from ...browser import opened

HOSTILE = "a<script>alert(1)</script>&\"'%25\n::error::x,y:z\x1b[31m\x00 é"


def report(root: Path, words: str = "plain") -> AuditReport:
    facts = Facts(
        files=3,
        size=10,
        exports=(
            FoundExport(
                folder=f"data/{words}",
                id="e1",
                dataset="nih-chest-xray@v2020",
                subset="pneumothorax@1",
                digest="xxh128:0",
                checksum="xxh128:0",
                duties=("nih-link",),
                parts=("train",),
                changed=(),
                members=pack(BitMap([1, 5])),
            ),
        ),
        images=(
            FoundImages("images", "nih-chest-xray@v2020", 2, pack(BitMap([1, 2])), words, "name"),
        ),
        evidence=(Words("nih-link", "README.md", 3, words, "link"),),
        references=(Words("nih-chest-xray", "train.py", 1, words, "loader"),),
    )
    problems = (
        Problem(
            "missing-citation", Severity.ERROR, "train.py", 7, words, "cite it", "nih-citation"
        ),
        Problem("unexplained-images", Severity.WARNING, words, None, words, "identify", "images"),
        Problem("unrecorded-use", Severity.NOTE, "", None, words, "record it", "e1"),
    )
    one = ProjectReport(
        words, str(root), facts, problems, duties=("nih-link", "nih-citation"), met=("nih-link",)
    )
    quiet = ProjectReport("quiet", str(root / "quiet"), Facts(0, 0), ())
    return AuditReport((one, quiet), rules(), "2026-01-02T03:04:05+00:00", "ada")


@pytest.fixture(scope="session")
def sarif() -> jsonschema.Draft4Validator:
    home = Path(os.environ.get("CXRCAT_VALIDATORS") or Path(__file__).parents[3] / ".venvs")
    path = home / "sarif" / "sarif-2.1.0-rtm.5.json"
    if not path.exists():
        pytest.skip(f"the schema of SARIF is not in {home}: run scripts/test-tools")
    return jsonschema.Draft4Validator(json.loads(path.read_text("utf-8")))


@pytest.mark.parametrize("words", ["plain", HOSTILE])
def test_sarif_is_valid(tmp_path: Path, sarif: jsonschema.Draft4Validator, words: str) -> None:
    log = json.loads(render(ResultFormat.SARIF, report(tmp_path, words)))
    sarif.validate(log)
    (run,) = log["runs"]
    assert [each["level"] for each in run["results"]] == ["error", "warning", "note"]
    first = run["results"][0]
    place = first["locations"][0]["physicalLocation"]
    assert place["region"] == {"startLine": 7}
    base = run["originalUriBaseIds"][place["artifactLocation"]["uriBaseId"]]["uri"]
    assert base == tmp_path.as_uri() + "/"
    named = run["tool"]["driver"]["rules"][first["ruleIndex"]]
    assert named["id"] == first["ruleId"] == "missing-citation"


def test_what_a_baseline_knows_is_unchanged_in_sarif(
    tmp_path: Path, sarif: jsonschema.Draft4Validator
) -> None:
    found = report(tmp_path)
    path = tmp_path / "known.json"
    path.write_text(baseline.write(found))
    log = json.loads(render(ResultFormat.SARIF, baseline.apply(found, baseline.read(path))))
    sarif.validate(log)
    assert {each["baselineState"] for each in log["runs"][0]["results"]} == {"unchanged"}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(deadline=None, max_examples=60)
def test_junit_is_read_back_whatever_the_words(words: str) -> None:
    text = render(ResultFormat.JUNIT, report(Path("/p"), words or "x"))
    root = ElementTree.fromstring(text)  # noqa: S314 - our own
    suites = root.findall("testsuite")
    assert [suite.get("failures") for suite in suites] == ["3", "0"]
    assert len(root.findall(".//failure")) == 3
    for suite in suites:
        assert suite.get("tests") == str(len(rules())) == str(len(suite.findall("testcase")))


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=60))
@settings(deadline=None, max_examples=60)
def test_github_has_a_line_a_problem_whatever_the_words(words: str) -> None:
    text = render(ResultFormat.GITHUB, report(Path("/p"), words or "x"))
    lines = text.removesuffix("\n").split("\n")
    assert len(lines) == 3
    assert [line.partition(" ")[0] for line in lines] == ["::error", "::warning", "::notice"]
    assert all(line.count("::") >= 2 for line in lines)
    assert all(line.isprintable() for line in lines)


def test_json_counts_instead_of_bitmaps(tmp_path: Path) -> None:
    data = json.loads(render(ResultFormat.JSON, report(tmp_path, HOSTILE)))
    one, quiet = data["projects"]
    assert one["facts"]["exports"][0]["images"] == one["facts"]["images"][0]["images"] == 2
    assert (one["concerned"], quiet["concerned"]) == (True, False)
    assert one["problems"][0]["message"] == HOSTILE
    assert data["format"] == "cxrcat.audit/1"


def test_html_needs_nothing_and_does_nothing(tmp_path: Path) -> None:
    page = render(ResultFormat.HTML, report(tmp_path, HOSTILE))
    assert "<script" not in page
    assert "src=" not in page
    assert "http" not in page.replace("http-equiv", "")
    for problem in report(tmp_path).projects[0].problems:
        assert problem.rule in page


def test_a_baseline_hides_what_it_knows_and_nothing_else(tmp_path: Path) -> None:
    found = report(tmp_path)
    path = tmp_path / "known.json"
    path.write_text(baseline.write(found))
    quiet = baseline.apply(found, baseline.read(path))
    assert quiet.projects[0].problems == ()
    assert quiet.projects[0].known == found.projects[0].problems
    another = replace(found.projects[0].problems[0], key="another", message="new")
    worse = (*found.projects[0].problems, another)
    more = replace(found, projects=(replace(found.projects[0], problems=worse),))
    (new,) = baseline.apply(more, baseline.read(path)).projects[0].problems
    assert new.message == "new"
    # Other words or lines are the same problem.
    moved = replace(found.projects[0].problems[0], line=99, message="other words")
    same = replace(found, projects=(replace(found.projects[0], problems=(moved,)),))
    assert baseline.apply(same, baseline.read(path)).projects[0].problems == ()


def test_projects_of_one_name_are_known_apart(tmp_path: Path) -> None:
    known = tmp_path / "known.json"
    (one, _) = report(tmp_path / "ada" / "code").projects
    other = replace(one, root=str(tmp_path / "bob" / "code"), problems=())
    both = replace(report(tmp_path), projects=(one, other))
    known.write_text(baseline.write(both))
    worse = replace(both, projects=(one, replace(other, problems=one.problems)))
    before, after = baseline.apply(worse, baseline.read(known)).projects
    assert (before.problems, after.known) == ((), ())
    log = json.loads(render(ResultFormat.SARIF, worse))
    prints = [each["partialFingerprints"]["cxrcat/1"] for each in log["runs"][0]["results"]]
    assert len(set(prints)) == len(prints) == 6


@pytest.mark.parametrize("form", ResultFormat)
def test_a_folder_whose_name_is_no_text(tmp_path: Path, form: ResultFormat) -> None:
    found = report(tmp_path)
    (one, quiet) = found.projects
    odd = replace(one, name="caf\udce9", root=f"{tmp_path}/caf\udce9")
    text = render(form, replace(found, projects=(odd, quiet)))
    assert text.encode()
    if form is ResultFormat.JSON:
        assert json.loads(text)["projects"][0]["name"] == "caf\udce9"


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"known": 3}', '{"known": [], "x": 1}', "\xff"])
def test_what_is_no_baseline_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "known.json"
    path.write_text(text)
    with pytest.raises(InputError, match=r"known\.json: is no baseline"):
        baseline.read(path)
    with pytest.raises(InputError, match=r"none\.json: cannot be read"):
        baseline.read(tmp_path / "none.json")


@pytest.mark.parametrize("words", ["plain", HOSTILE])
def test_html_opens_in_a_browser(tmp_path: Path, words: str) -> None:
    found = report(tmp_path, words)
    path = tmp_path / "audit.html"
    path.write_text(render(ResultFormat.HTML, found), "utf-8")
    with opened(path) as (page, wrong):
        assert page.title() == "cxrcat: Audit"
        assert page.locator("section h2").first.inner_text().startswith(words[:5])
        assert page.locator("section#p0 table").first.locator("tbody tr").count() == 3
        assert page.locator("code", has_text="missing-citation").first.is_visible()
        for link in page.locator("a").all():
            assert page.locator(f"[id='{(link.get_attribute('href') or '')[1:]}']").count() == 1
    assert wrong == []
