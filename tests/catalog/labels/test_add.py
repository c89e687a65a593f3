"""Label sets are added whole or not at all, are words of questions then, and bring their duties."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import col, select

from cxrcat.catalog import Catalog, Request
from cxrcat.catalog.query import QueryError
from cxrcat.schemas.errors import CxrcatError, InputError, NotFoundError, UsageError
from cxrcat.schemas.tables import Event, Finding, LabelSet, Reading

from ...checks import check_export, names_with, nih_rows
from . import expert

ROOT = Path(__file__).parents[3]
HERNIAS = names_with("Hernia")
A, B, C, D, E, F = HERNIAS[:6]
FORM = "https://docs.cloud.google.com/healthcare-api/docs/resources/public-datasets/nih-chest"


@pytest.fixture
def four(tmp_path: Path) -> list[Path]:
    """Files of the four findings: six images, of which F is not adjudicated, and two readers."""
    folder = tmp_path / "four"
    folder.mkdir()
    blank = dict.fromkeys(expert.FOUR, "")
    prefix = "four_findings_expert_labels_"
    return [
        expert.four_labels(
            folder / f"{prefix}validation_labels.csv",
            {A: {"Pneumothorax": "YES"}, B: {"Nodule or mass": "YES", "Fracture": "YES"}},
        ),
        expert.four_labels(
            folder / f"{prefix}test_labels.csv",
            {C: {}, D: {"Pneumothorax": "YES"}, E: {"Nodule or mass": "HEDGE"}, F: blank},
        ),
        expert.four_readers(
            folder / f"{prefix}individual_readers.csv",
            [
                (A, "7", {"Pneumothorax": "HEDGE"}),
                (A, "12", {"Pneumothorax": "YES"}),
                (F, "7", {"Nodule/mass": "HEDGE"}),
            ],
        ),
    ]


@pytest.fixture
def fourteen(tmp_path: Path) -> list[Path]:
    """Files of all findings: four images, with two readers."""
    folder = tmp_path / "fourteen"
    folder.mkdir()
    said = {
        A: {"Mass": "YES", "Pneumothorax": "YES"},
        B: {"Other": "YES"},
        C: {},
        D: {"Mass": "HEDGE", "Pleural Thickening": "YES"},
    }
    return [
        expert.all_labels(folder / "all_findings_expert_labels_test_labels.csv", said),
        expert.all_labels(folder / "test_individual_readers.csv", said, ("1", "2")),
    ]


def answer(catalog: Catalog, where: str) -> list[str]:
    catalog.create_subset("asked", where)
    return [row.name for row in catalog.images("asked")]


def state(catalog: Catalog) -> tuple[Any, ...]:
    """Return all that an addition may change."""
    with catalog._store.reading() as session:
        return (
            session.exec(select(LabelSet.slug, LabelSet.checksum).order_by(col(LabelSet.id))).all(),
            len(session.exec(select(Finding.name)).all()),
            len(session.exec(select(Reading.name)).all()),
            len(session.exec(select(Event.id)).all()),
        )


def test_the_four_findings_are_words_with_states(catalog: Catalog, four: list[Path]) -> None:
    done = catalog.add_labels("expert4", four)
    assert (done.slug, done.changed, done.supersedes) == ("expert4", True, None)
    assert done.remarks == (
        "four_findings_expert_labels_test_labels.csv: rows that say nothing: 1",
    )
    assert answer(catalog, "expert4.pneumothorax") == [A, D]
    assert answer(catalog, "absent(expert4.pneumothorax)") == [B, C, E]
    assert answer(catalog, "uncertain(expert4.nodule_or_mass)") == [E]
    assert answer(catalog, 'expert4."Nodule or mass" or expert4."nodule/mass"') == [B]
    assert answer(catalog, "labelled(expert4)") == [A, B, C, D, E]
    assert answer(catalog, "expert4.findings >= 1") == [A, B, D]
    assert answer(catalog, "expert4.findings = 2") == [B]
    with pytest.raises(QueryError, match="unknown finding 'hernia'"):
        answer(catalog, "expert4.hernia")


def test_what_is_told_of_a_label_set(catalog: Catalog, four: list[Path]) -> None:
    catalog.add_labels("expert4", four)
    found = catalog.label_set("expert4")
    assert (found.dataset, found.dataset_version, found.kind) == (
        "nih-chest-xray",
        "v2020",
        "labels",
    )
    assert (found.in_catalog, found.advice, found.images) == (True, None, 5)
    assert found.method is not None
    assert "three radiologists" in found.method
    counts = {each.name: (each.present, each.absent, each.uncertain) for each in found.findings}
    assert counts == {
        "fracture": (1, 4, 0),
        "pneumothorax": (2, 3, 0),
        "airspace_opacity": (0, 5, 0),
        "nodule_or_mass": (1, 3, 1),
    }
    assert [(each.reader, each.images) for each in found.readers] == [("12", 1), ("7", 2)]
    assert [(each["name"], each["rows"]) for each in found.files] == [
        ("four_findings_expert_labels_individual_readers.csv", 3),
        ("four_findings_expert_labels_test_labels.csv", 4),
        ("four_findings_expert_labels_validation_labels.csv", 2),
    ]
    assert [duty["id"] for duty in found.duties] == ["expert4-citation"]
    assert [work["DOI"] for work in found.citations] == ["10.1148/radiol.2019191293"]
    assert found in catalog.labels()


def test_each_reader_is_kept_apart(catalog: Catalog, four: list[Path]) -> None:
    catalog.add_labels("expert4", four)
    with catalog._store.reading() as session:
        rows = session.exec(
            select(Reading.reader, Reading.state, Reading.images).where(
                Reading.name == "pneumothorax"
            )
        ).all()
    assert sorted(rows) == [("12", "present", 1), ("7", "absent", 1), ("7", "uncertain", 1)]


def test_all_findings_and_words_that_do_not_count(catalog: Catalog, fourteen: list[Path]) -> None:
    catalog.add_labels("expert14", fourteen)
    assert answer(catalog, "expert14.abnormal") == [A, B, D]
    assert answer(catalog, "absent(expert14.abnormal)") == [C]
    assert answer(catalog, "uncertain(expert14.mass)") == [D]
    assert answer(catalog, 'expert14."Pleural Thickening"') == [D]
    assert answer(catalog, "expert14.findings = 0 and labelled(expert14)") == [C]
    assert answer(catalog, "expert14.findings = 1") == [B, D]
    assert answer(catalog, "expert14.findings >= 2") == [A]
    assert [each.images for each in catalog.label_set("expert14").readers] == [4, 4]


def test_two_label_sets_are_compared(
    catalog: Catalog, four: list[Path], fourteen: list[Path]
) -> None:
    catalog.add_labels("expert4", four)
    catalog.add_labels("expert14", fourteen)
    assert answer(catalog, "agree(expert4.pneumothorax, expert14.pneumothorax)") == [A, B, C]
    assert answer(catalog, "disagree(expert4.pneumothorax, expert14.pneumothorax)") == [D]
    said = {name: "Pneumothorax" in nih_rows()[name]["Finding Labels"] for name in (A, B, C, D, E)}
    same = [name for name, present in said.items() if present == (name in (A, D))]
    assert answer(catalog, "agree(pneumothorax, expert4.pneumothorax)") == same
    assert answer(catalog, "disagree(expert4.pneumothorax, pneumothorax)") == [
        name for name in said if name not in same
    ]
    found = catalog.subset("asked")
    assert {read["name"] for read in found.reads} == {"nih", "expert4"}


def test_the_duties_and_the_checksum_follow_the_question(
    catalog: Catalog, four: list[Path], tmp_path: Path
) -> None:
    catalog.add_labels("expert4", four)
    catalog.create_subset("asked", "hernia and not expert4.fracture")
    manifest, plan = catalog.export(Request("asked", destination=tmp_path / "out"))
    assert [duty.id for duty in manifest.duties][-1] == "expert4-citation"
    assert "majkowska2020" in {work.id for work in manifest.citations}
    (read,) = [read for read in manifest.subset.reads if read.name == "expert4"]
    assert read.checksum == catalog.label_set("expert4").checksum
    check_export(plan.destination)


def test_a_set_that_is_not_there_is_answered_with_how_to_add_it(shared: Catalog) -> None:
    for where in ("expert4.pneumothorax", "absent(expert4.fracture)", "labelled(expert4)"):
        with pytest.raises(QueryError) as caught:
            shared.create_subset("x", where)
        assert FORM in str(caught.value)
        assert "'cxrcat labels add expert4 FILE…'" in str(caught.value)
        assert "expert4" in caught.value.caret()
    with pytest.raises(QueryError) as caught:
        shared.create_subset("x", "mass and split = 'test'")
    assert "'cxrcat labels add split train_val_list.txt test_list.txt'" in str(caught.value)
    known = {each.slug: each for each in shared.labels()}
    assert {slug: each.in_catalog for slug, each in known.items()} == {
        "nih": True,
        "expert4": False,
        "expert14": False,
        "split": False,
    }
    assert known["expert14"].advice is not None
    assert FORM in known["expert14"].advice
    assert known["nih"].images == 112_120
    assert shared.label_set("expert4") == known["expert4"]
    with pytest.raises(NotFoundError, match="did you mean expert4 or expert14"):
        shared.label_set("expert5")


def test_readers_alone_answer_no_question(catalog: Catalog, four: list[Path]) -> None:
    done = catalog.add_labels("expert4", four[2:])
    assert done.remarks == ("only readers' own readings; questions need the set's labels too",)
    with pytest.raises(QueryError, match="only readers' own readings are in the catalog; add it"):
        answer(catalog, "expert4.fracture")
    found = catalog.label_set("expert4")
    assert (found.in_catalog, found.images, len(found.readers)) == (True, 0, 2)


def test_the_same_files_change_nothing_and_others_take_their_place(
    catalog: Catalog, four: list[Path], tmp_path: Path
) -> None:
    catalog.add_labels("expert4", four)
    before = state(catalog)
    again = catalog.add_labels("expert4", four[::-1])
    assert (again.changed, again.supersedes) == (False, None)
    assert state(catalog) == before
    asked = catalog.create_subset("asked", "expert4.pneumothorax")

    newer = expert.four_labels(tmp_path / "test_labels.csv", {F: {"Pneumothorax": "YES"}})
    done = catalog.add_labels("expert4", [newer])
    assert (done.changed, done.supersedes) == (True, "expert4@1")
    assert answer(catalog, "labelled(expert4)") == [F]
    assert catalog.subset("asked@1").digest == asked.digest
    assert catalog.label_set("expert4@1").images == 5
    assert len(catalog.label_set("expert4@1").readers) == 2
    assert catalog.add_labels("expert4", four).supersedes == "expert4@2"
    assert answer(catalog, "expert4.pneumothorax") == [A, D]
    assert [each.slug for each in catalog.labels()][:4] == [
        *("nih", "expert4@1", "expert4@2", "expert4"),
    ]
    assert catalog.datasets()[0].label_sets == ("nih", "expert4")
    assert {labels for labels, *_ in catalog.findings()} == {"nih", "expert4"}
    with catalog._store.reading() as session:
        events = session.exec(select(Event).where(Event.kind == "labels.added")).all()
    assert [each.detail["supersedes"] for each in events] == [None, "expert4@1", "expert4@2"]
    assert events[0].by == "tester"
    assert len(events[0].detail["files"]) == 3
    assert catalog.health().problems == ()


def test_rows_that_repeat_others_are_taken_once(
    catalog: Catalog, four: list[Path], tmp_path: Path
) -> None:
    lines = four[0].read_bytes().split(b"\r\n")
    repeated = tmp_path / "validation_labels.csv"
    repeated.write_bytes(b"\r\n".join([*lines, lines[1], lines[2]]))
    done = catalog.add_labels("expert4", [repeated])
    assert done.remarks == ("validation_labels.csv: rows that repeat others and say the same: 2",)
    assert catalog.label_set("expert4").images == 2


# What is wrong with the files, and what is said of it; nothing of it is ever added.
def _unknown_image(files: list[Path]) -> list[Path]:
    files[0].write_bytes(files[0].read_bytes().replace(A.encode(), b"99999999_000.png"))
    return files


def _contradiction(files: list[Path]) -> list[Path]:
    lines = files[0].read_bytes().split(b"\r\n")
    files[0].write_bytes(b"\r\n".join([*lines, lines[1].replace(b"YES", b"NO")]))
    return files


def _contradiction_of_two(files: list[Path]) -> list[Path]:
    expert.four_labels(files[1], {A: {"Fracture": "YES"}})
    return files


def _contradiction_of_a_reader(files: list[Path]) -> list[Path]:
    expert.four_readers(files[2], [(A, "7", {}), (A, "9", {}), (A, "7", {"Fracture": "YES"})])
    return files


def _blank(files: list[Path]) -> list[Path]:
    return [expert.four_labels(files[0], {A: dict.fromkeys(expert.FOUR, "")})]


def _absent(files: list[Path]) -> list[Path]:
    return [*files, files[0].with_name("no_test_labels.csv")]


WRONG: list[tuple[Callable[[list[Path]], list[Path]], str]] = [
    (lambda _: [], "name the files of expert4 too"),
    (_absent, "no_test_labels.csv: cannot be read: No such file or directory"),
    (lambda files: [files[0].parent], "is none of the files of the label set expert4"),
    (lambda files: [*files, files[0]], "is the same file as"),
    (_unknown_image, "validation_labels.csv:2: '99999999_000.png' is not an image of nih-chest-x"),
    (_contradiction, f"validation_labels.csv:4: line 2 says otherwise of {A}; nothing was added"),
    (_contradiction_of_two, f"validation_labels.csv:2 says otherwise of {A}; nothing was added"),
    (_contradiction_of_a_reader, f"individual_readers.csv:4: line 2 says otherwise of {A} by 7"),
    (_blank, "the files say nothing of any image; nothing was added"),
]  # fmt: skip


@pytest.mark.parametrize(("damage", "message"), WRONG, ids=[message for _, message in WRONG])
def test_nothing_is_added_unless_all_of_it_can_be(
    shared: Catalog,
    four: list[Path],
    damage: Callable[[list[Path]], list[Path]],
    message: str,
) -> None:
    files, before = damage(four), state(shared)
    with pytest.raises(CxrcatError) as caught:
        shared.add_labels("expert4", files)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert caught.value.exit_code == 2
    assert state(shared) == before


def test_the_files_of_another_set_are_refused(
    shared: Catalog, four: list[Path], fourteen: list[Path]
) -> None:
    with pytest.raises(
        InputError, match=r"test_labels\.csv:1: the column 'Image Index' is missing"
    ):
        shared.add_labels("expert4", fourteen[:1])
    with pytest.raises(InputError, match=r"readers\.csv:1: the column 'Fracture' is missing"):
        shared.add_labels("expert4", fourteen[1:])
    with pytest.raises(InputError, match=r"test_labels\.csv:1: the column 'Image ID' is missing"):
        shared.add_labels("expert14", four[1:2])


@pytest.mark.parametrize(
    ("what", "kind", "message"),
    [
        ("expert5", NotFoundError, "unknown label set 'expert5'; did you mean expert4 or expert14"),
        ("nih", UsageError, "the label set 'nih' comes with the dataset; it takes no files"),
        ("expert4@1", NotFoundError, "unknown label set 'expert4@1'"),
        ("nowhere.yaml", InputError, "nowhere.yaml: cannot be read: No such file"),
    ],
)
def test_a_set_that_cannot_be_added(
    shared: Catalog, four: list[Path], what: str, kind: type[CxrcatError], message: str
) -> None:
    before = state(shared)
    with pytest.raises(kind, match=message):
        shared.add_labels(what, four)
    assert state(shared) == before


# A label set of other people's.


@pytest.fixture
def mapping(tmp_path: Path) -> Path:
    """The mapping that the documentation shows."""
    text = (ROOT / "docs" / "labels.md").read_text("utf-8")
    (example,) = re.findall(r"```yaml\n(.*?)```", text, re.DOTALL)
    path = tmp_path / "nih-cxr-lt.yaml"
    path.write_text(example, "utf-8")
    return path


HEADER = [
    *("id", *(each.replace(" ", "_") for each in expert.ALL), "Pneumoperitoneum"),
    *("Pneumomediastinum", "Subcutaneous Emphysema", "Tortuous Aorta"),
    *("Calcification of the Aorta", "No Finding", "subj_id"),
]


def long_tailed(path: Path, said: dict[str, str]) -> Path:
    """Write one label an image, as NIH-CXR-LT has them."""
    rows = [
        ",".join([name, *(str(int(label == each)) for each in HEADER[1:-1]), "1"])
        for name, label in said.items()
    ]
    path.write_text("\n".join([",".join(HEADER), *rows, ""]), "utf-8")
    return path


@pytest.fixture
def tables(tmp_path: Path) -> list[Path]:
    prefix = "nih-cxr-lt_single-label"
    return [
        long_tailed(tmp_path / f"{prefix}_train.csv", {A: "Hernia", B: "Tortuous Aorta"}),
        long_tailed(tmp_path / f"{prefix}_test.csv", {C: "No Finding", D: "Hernia"}),
        long_tailed(tmp_path / f"{prefix}_balanced-test.csv", {D: "Hernia"}),
    ]


def test_the_mapping_of_the_documentation_brings_words_and_duties(
    catalog: Catalog, mapping: Path, tables: list[Path], tmp_path: Path
) -> None:
    done = catalog.add_labels(str(mapping), tables)
    assert (done.slug, done.remarks) == (
        "nih_cxr_lt",
        ("nih-cxr-lt_single-label_balanced-test.csv: rows that repeat others and say the same: 1",),
    )
    assert answer(catalog, "nih_cxr_lt.hernia") == [A, D]
    assert answer(catalog, 'nih_cxr_lt."Tortuous Aorta"') == [B]
    assert answer(catalog, "nih_cxr_lt.findings >= 1") == [A, B, D]
    assert answer(catalog, "disagree(hernia, nih_cxr_lt.hernia)") == [B, C]
    manifest, plan = catalog.export(Request("asked", destination=tmp_path / "out"))
    assert [duty.id for duty in manifest.duties][-1] == "nih-cxr-lt-citation"
    assert "10.1007/978-3-031-17027-0_3" in {work.doi for work in manifest.citations}
    check_export(plan.destination)
    assert "nih-cxr-lt-citation" in {duty.id for duty in catalog.descriptor().duties}
    assert "nih-cxr-lt-citation" in {duty.id for duty in catalog.manifest("asked").duties}
    assert [work["id"] for work in catalog.label_set("nih_cxr_lt").citations] == [
        "holste2022longtailed"
    ]
    assert not catalog.add_labels(str(mapping), tables).changed
    assert catalog.add_labels("nih_cxr_lt", tables[:2]).supersedes == "nih_cxr_lt@1"


def test_what_an_earlier_edition_owed_stays_owed(
    catalog: Catalog, mapping: Path, tables: list[Path]
) -> None:
    catalog.add_labels(str(mapping), tables)
    catalog.create_subset("asked", "nih_cxr_lt.hernia")
    text = mapping.read_text("utf-8")
    mapping.write_text(text.replace("nih-cxr-lt-citation", "newer-citation"), "utf-8")
    assert catalog.add_labels(str(mapping), tables).supersedes == "nih_cxr_lt@1"
    owed = [duty.id for duty in catalog.manifest("asked").duties]
    assert owed[-2:] == ["nih-cxr-lt-citation", "newer-citation"]
    corrected = text.replace("page: 22-32", "page: 22-33")
    mapping.write_text(corrected, "utf-8")
    assert catalog.add_labels(str(mapping), tables).supersedes == "nih_cxr_lt@2"
    assert {work.page for work in catalog.manifest("asked").citations} == {"3462-3471", "22-33"}


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("slug: nih_cxr_lt ", "slug: expert4 ", "the dataset has a label set 'expert4' itself"),
        ("slug: nih_cxr_lt ", "slug: split ", "labels: 'split' is the name of the split lists"),
        ("dataset: nih-chest-xray", "dataset: other", "unknown dataset 'other'"),
        ("nih-cxr-lt-citation", "nih-citation", "the duty 'nih-citation' is in the catalog alread"),
        ("holste2022longtailed", "nabulsi2021", "the citation 'nabulsi2021' is in the catalog alr"),
        ("cxrcat.labels/1", "cxrcat.dataset/1", "nih-cxr-lt.yaml:1: format: Input should be 'cxrc"),
        ("owes: [nih-cxr-lt-citation]", "owes: []", "the label set owes no citation"),
        ("owes: [nih-cxr-lt-citation]", "owes: [x]", "'x' is owed and is not in 'duties'"),
        ("citation: holste2022longtailed", "citation: x", "'x' is cited and is not in 'citations'"),
        ("name: mass,", "name: nodule,", "labels: 'nodule' is there twice in 'findings'"),
        ("label: Mass", "label: NODULE", "labels: 'nodule' is there twice in 'findings'"),
        ("states: [present, absent]", "states: [present]", "a table says 'absent', which is"),
        ('["0"]}', '["1"]}', "labels.tables.0: '1' is there twice in 'values'"),
        ('["1"], absent', "[YES], absent", "labels.tables.0.values.present.0: Input should be a"),
        ("  access:", "  acess:", "nih-cxr-lt.yaml:10: labels.acess: Extra inputs are not permitt"),
    ],
)  # fmt: skip
def test_a_mapping_that_is_wrong(
    shared: Catalog, mapping: Path, tables: list[Path], old: str, new: str, message: str
) -> None:
    text = mapping.read_text("utf-8")
    assert old in text
    mapping.write_text(text.replace(old, new), "utf-8")
    before = state(shared)
    with pytest.raises(CxrcatError) as caught:
        shared.add_labels(str(mapping), tables)
    assert message in str(caught.value)
    assert str(caught.value).isprintable()
    assert state(shared) == before


def test_a_mapping_of_another_dataset_than_the_named_one(
    shared: Catalog, mapping: Path, tables: list[Path]
) -> None:
    text = mapping.read_text("utf-8").replace("dataset: nih-chest-xray", "dataset: ward")
    mapping.write_text(text, "utf-8")
    with pytest.raises(UsageError, match="is of the dataset 'ward', not of 'nih-chest-xray'"):
        shared.add_labels(str(mapping), tables, "nih-chest-xray")
