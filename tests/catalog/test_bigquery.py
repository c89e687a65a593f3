"""BigQuery answers a question as the catalog does, and is asked nothing that it cannot answer."""

from __future__ import annotations

import csv
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.bigquery import Grant
from cxrcat.catalog.bigquery.warehouse import Table
from cxrcat.catalog.subsets import SubsetInfo
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas.errors import InputError, UsageError

from ..bigquery import PROJECT, bigquery_server, load, load_csv
from . import small
from .query.expressions import Expression, expressions, holds
from .query.spellings import written

ROWS = small.films()
OWN = f"{PROJECT}.ward.metadata"
TEXTS = f"{PROJECT}.ward.texts"
LISTS = f"{PROJECT}.ward.lists"
STEMS = f"{PROJECT}.ward.stems"
DICOM = f"{PROJECT}.ward.dicom"
WORDS = replace(
    small.WORDS,
    labels={"text": small.FINDINGS},
    columns={name: each for name, each in small.WORDS.columns.items() if name != "split"},
    boxed={},
)
NAMELESS = replace(
    WORDS,
    columns={name: WORDS.columns[name] for name in ("patient", "sex", "view")},
    subsets=(),
)
SOURCE = f"""\
sources:
  - slug: instances
    kind: bigquery
    title: DICOM metadata
    provider: The Ward
    uri: "bigquery:{DICOM}"
    attributes: {{PatientID: patient, PatientSex: sex, View: view, StudyDescription: findings}}
    owes: [box-paper]
"""


@dataclass(frozen=True)
class Side:
    """An open catalog with the small dataset in it, and a server that has its tables."""

    catalog: Catalog

    def ask(self, where: str, table: str | None = OWN, **more: Any) -> SubsetInfo:
        grant = Grant(PROJECT, table, agree=lambda _: True, **more)
        return self.catalog.create_subset_in_bigquery("asked", where, grant, dataset="ward")

    def names(self, name: str = "ward/asked") -> list[str]:
        return [each.name for each in self.catalog.images(name)]


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    with bigquery_server() as url:
        yield url


@pytest.fixture(scope="module")
def side(server: str, template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Side]:
    folder = tmp_path_factory.mktemp("bigquery")
    descriptor = small.write(folder / "ward", ROWS)
    descriptor.write_text(descriptor.read_text("utf-8") + SOURCE, "utf-8")
    with (
        pytest.MonkeyPatch.context() as patch,
        Catalog.open(shutil.copy(template, folder / "c.sqlite")) as catalog,
    ):
        patch.setenv("BIGQUERY_EMULATOR_HOST", server)
        catalog.add_dataset(descriptor)
        for name, where in (("everything", "true"), ("holdout", "mass"), ("holdout", "nodule")):
            catalog.create_subset(name, where, dataset="ward")
        catalog.export(Request("ward/everything", destination=folder / "export"))
        types = load_csv(server, OWN, folder / "export" / "metadata.csv")
        assert types["age"] == "INTEGER"
        assert types["spacing_x"] == "FLOAT"
        load_tables(server, folder / "export" / "metadata.csv")
        yield Side(catalog)


def load_tables(server: str, path: Path) -> None:
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    columns = [*small.WORDS.columns, "findings"]
    columns.remove("split")
    texts = [{name: row[name] for name in columns} for row in rows]
    load(server, TEXTS, columns, texts)
    load(
        server,
        LISTS,
        columns,
        [row | {"findings": row["findings"].split("|")} for row in texts],
        {"findings": "[]STRING"},
    )
    load(
        server,
        STEMS,
        ["stem", "Age"],
        [
            {
                "stem": row["name"].removesuffix(".png"),
                "Age": f"{int(row['age']):03}Y" if row["age"] else "",
            }
            for row in rows
        ],
    )
    load(
        server,
        DICOM,
        ["PatientID", "PatientSex", "View", "StudyDescription", "PatientAge"],
        [
            {
                "PatientID": row["patient"],
                "PatientSex": row["sex"] or None,
                "View": row["view"] or None,
                "StudyDescription": row["findings"],
            }
            for row in rows
        ],
    )


def expected(asked: Expression) -> list[str]:
    return [row["name"] for row in ROWS if holds(asked, row, small.WORDS)]


SLOW = settings(
    max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


@pytest.mark.parametrize("table", [OWN, TEXTS, LISTS])
@SLOW
@given(asked=expressions(WORDS), data=st.data())
def test_a_random_question_has_the_answer_of_the_catalog(
    side: Side, table: str, asked: Expression, data: Any
) -> None:
    text = data.draw(written(asked, WORDS))
    there = side.ask(text, table)
    here = side.catalog.create_subset("here", text, dataset="ward")
    assert side.names() == expected(asked)
    assert (there.digest, there.normal) == (here.digest, here.normal)


@SLOW
@given(asked=expressions(NAMELESS), data=st.data())
def test_a_table_that_names_no_images_has_the_same_answers(
    side: Side, asked: Expression, data: Any
) -> None:
    side.ask(data.draw(written(asked, NAMELESS)), None)
    assert side.names() == expected(asked)


@pytest.mark.parametrize(
    ("table", "where", "word"),
    [
        (OWN, "mass and boxed(nodule)", "boxed(nodule)"),
        (OWN, "mass or not boxed()", "boxed()"),
        (STEMS, "age > 5 and mass", "text.mass"),
        (STEMS, "findings >= 2", "text.findings >= 2"),
        (STEMS, "age > 5 and sex = 'F'", "sex = 'F'"),
        (STEMS, "name = 'film-01.png'", "name = 'film-01.png'"),
        (STEMS, "labelled(text)", "labelled(text)"),
        (None, "mass and age > 5", "age >= 6"),
        (None, "follow_up = 0", "follow_up = 0"),
        (None, "width is null", "width is null"),
        (None, "in_subset(holdout)", "in_subset('holdout@2')"),
    ],
)
def test_what_a_table_cannot_answer_is_refused(
    side: Side, table: str | None, where: str, word: str
) -> None:
    with pytest.raises(InputError) as caught:
        side.ask(where, table)
    assert str(caught.value).startswith(f"{word} cannot be asked of ")


def test_other_labels_and_the_split_are_refused(
    server: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = small.labelled_films()
    descriptor = small.write(tmp_path / "ward", rows)
    panel, lists = small.write_labels(tmp_path / "labels", rows)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server)
    load(server, f"{PROJECT}.ward.small", ["name", "findings", "split"], [])
    with Catalog.open(shutil.copy(template, tmp_path / "c.sqlite")) as catalog:
        catalog.add_dataset(descriptor)
        catalog.add_labels("panel", [panel], "ward")
        catalog.add_labels("split", lists, "ward")
        for where, word in [
            ("uncertain(panel.mass)", "uncertain(panel.mass)"),
            ("mass and panel.findings > 1", "panel.findings >= 2"),
            ("labelled(panel)", "labelled(panel)"),
            ("disagree(text.mass, panel.mass)", "panel.mass"),
            ("split = 'exam'", "split = 'exam'"),
        ]:
            with pytest.raises(InputError, match="cannot be asked of") as caught:
                Side(catalog).ask(where, f"{PROJECT}.ward.small")
            assert word in str(caught.value)


@pytest.mark.parametrize("where", ["age > 17", "not (age > 17)", "age is null", "age in (0, 65)"])
def test_ages_may_be_written_as_dicom_does_and_images_by_their_stems(
    side: Side, where: str
) -> None:
    there = side.ask(where, STEMS)
    assert there.digest == side.catalog.create_subset("here", where, dataset="ward").digest


def test_units_of_ages(server: str, side: Side) -> None:
    """058Y is 58 years, 011M, 051W and 364D none, 012M, 052W and 365D one (PS3.5, 6.2)."""
    written = ["058Y", "011M", "051W", "364D", "012M", "052W", "365D", "7", "old", ""]
    rows = [{"name": f"film-{place:02}.png", "age": age} for place, age in enumerate(written)]
    load(server, f"{PROJECT}.ward.ages", ["name", "age"], rows)

    def places(where: str) -> list[int]:
        side.ask(where, f"{PROJECT}.ward.ages")
        return [int(name[5:7]) for name in side.names()]

    assert places("age = 58") == [0]
    assert places("age = 0") == [1, 2, 3]
    assert places("age = 1") == [4, 5, 6]
    assert places("age between 2 and 57") == [7]
    assert places("age is null") == [8, 9]


def test_a_subset_tells_where_its_answer_came_from_and_what_it_owes(
    side: Side, tmp_path: Path
) -> None:
    own = side.ask("text.mass and sex = 'F'", OWN)
    assert own.operation == "where"
    assert [step["kind"] for step in own.steps] == ["answer"]
    assert (own.steps[0]["engine"], own.steps[0]["table"]) == ("bigquery", OWN)
    assert [step.condition for step in own.funnel] == [
        f"text.mass and sex = 'F', answered by bigquery:{OWN}"
    ]
    assert {read["kind"] for read in own.reads} == {"labels"}
    duties = {duty.id for duty in side.catalog.manifest("ward/asked").duties}
    assert "box-paper" not in duties or any(row["boxes"] for row in ROWS)

    side.ask("sex = 'F' and view is null and not mass", None)
    read = side.catalog.subset("ward/asked").reads[-1]
    assert read == {"kind": "source", "name": "instances", "word": "--engine bigquery"}
    manifest, _ = side.catalog.export(Request("ward/asked", destination=tmp_path / "slice"))
    (owed,) = [duty for duty in manifest.duties if duty.id == "box-paper"]
    assert "the question reads `--engine bigquery`" in owed.because
    assert "bigquery:" in (tmp_path / "slice" / "README.md").read_text("utf-8")
    assert any(node.kind == "source" for node in side.catalog.lineage("ward/asked").nodes)


def test_a_word_that_changes_nothing_is_read_all_the_same(side: Side) -> None:
    there = side.ask("sex = 'M' and (mass or true) and in_subset(holdout)")
    here = side.catalog.create_subset(
        "here", "sex = 'M' and (mass or true) and in_subset(holdout)", dataset="ward"
    )
    assert there.reads == here.reads
    assert [read["kind"] for read in here.reads] == ["labels", "subset"]


def test_the_same_question_is_recorded_once(side: Side) -> None:
    one = side.ask("nodule and age > 40")
    assert side.ask("AGE >= 41 and (nodule)").version == one.version
    assert side.ask("nodule and age > 41").version == one.version + 1


def test_rows_that_are_no_image_are_refused_unless_they_may_be_left_out(
    server: str, side: Side
) -> None:
    names = ["film-01.png", "film-02.png", "film-99.png", "../film-03.png", None, "film-02.png"]
    table = f"{PROJECT}.ward.more"
    load(server, table, ["name"], [{"name": name} for name in names])
    before = side.catalog.subset("ward/asked").version
    with pytest.raises(InputError, match=r"3 of the 6 rows .* --allow-missing"):
        side.ask("true", table)
    assert side.catalog.subset("ward/asked").version == before
    found = side.ask("true", table, allow_missing=True)
    assert side.names() == ["film-01.png", "film-02.png"]
    assert "3 of its 6 rows left out" in found.funnel[0].condition


def test_a_table_that_names_neither_images_nor_patients_is_refused(server: str, side: Side) -> None:
    load(server, f"{PROJECT}.ward.other", ["Colour", "PatientSex"], [])
    with pytest.raises(InputError, match=r"no column name or stem .* Colour, PatientSex"):
        side.ask("true", f"{PROJECT}.ward.other")


def test_a_withdrawal_renews_an_answer_without_asking_again(
    server: str, template: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The table says of other films than the dataset that they show a mass."""
    with Catalog.open(shutil.copy(template, tmp_path / "c.sqlite")) as catalog:
        catalog.add_dataset(small.write(tmp_path / "ward", ROWS))
        said = [{"name": f"film-{place:02}.png", "findings": "Mass"} for place in range(5)]
        load(server, f"{PROJECT}.ward.said", ["name", "findings"], said)
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", server)
        side = Side(catalog)
        side.ask("mass", f"{PROJECT}.ward.said")
        monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", "http://127.0.0.1:1")
        catalog.withdraw(Withdraw("a test", ("film-02.png",), dataset="ward"))
        assert side.names() == [f"film-{place:02}.png" for place in (0, 1, 3, 4)]
        found = catalog.subset("ward/asked")
        assert (found.version, found.funnel[-1].condition) == (2, "not withdrawn")


def test_without_the_library_it_says_what_to_install(
    side: Side, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "google.cloud.bigquery", None)
    monkeypatch.delattr("google.cloud.bigquery")
    with pytest.raises(UsageError, match=r"pip install 'cxrcat\[bigquery\]'"):
        side.ask("mass")


def test_a_large_subset_does_not_go_along(shared: Catalog) -> None:
    grant = Grant(PROJECT, OWN)
    with pytest.raises(InputError, match="in_subset\\('no-finding@1'\\) cannot be asked"):
        shared.create_subset_in_bigquery("x", "in_subset('no-finding')", grant)


@pytest.mark.parametrize("text", ["a-project.d.t", "bigquery:example.com:a-project.d_1.t-2"])
def test_a_table_is_read_and_written(text: str) -> None:
    assert str(Table.parse(text)) == text.removeprefix("bigquery:")


@pytest.mark.parametrize(
    "text",
    ["", "d.t", "a-project.d", "a-project.d.t`", "a-project.d.t;drop", "a-project..t", "A B.d.t"],
)
def test_what_is_no_table_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match=r"PROJECT\.DATASET\.TABLE"):
        Table.parse(text)
