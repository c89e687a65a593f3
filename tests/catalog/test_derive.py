"""Subsets of subsets: what is in them, what is recorded, and what is refused."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from cxrcat.catalog import Catalog
from cxrcat.catalog.derive import Derivation
from cxrcat.schemas.errors import InputError, NotFoundError, UsageError


def make(catalog: Catalog, name: str, **wanted: object) -> set[str]:
    """Make a subset and return the names of its images."""
    made = catalog.create_subset(name, derivation=Derivation(**wanted))  # type: ignore[arg-type]
    names = {row.name for row in catalog.images(f"{made.name}@{made.version}")}
    assert len(names) == made.images == made.funnel[-1].images
    assert made.patients == made.funnel[-1].patients
    return names


def test_combinations(catalog: Catalog) -> None:
    hernia = {row.name for row in catalog.images("hernia")}
    fibrosis = {row.name for row in catalog.images("fibrosis")}
    assert make(catalog, "union", union=("hernia", "fibrosis")) == hernia | fibrosis
    assert make(catalog, "both", intersect=("hernia", "fibrosis")) == hernia & fibrosis
    assert make(catalog, "minus", minus=("hernia", "fibrosis")) == hernia - fibrosis
    assert make(catalog, "copy", parent="hernia@1") == hernia
    narrowed = make(catalog, "narrow", union=("hernia", "fibrosis"), where="mass or nodule")
    masses = make(catalog, "masses", where="mass or nodule")
    assert narrowed == (hernia | fibrosis) & masses
    made = catalog.subset("narrow")
    assert made.operation == "union"
    assert made.normal == (
        "(in_subset('fibrosis@1') or in_subset('hernia@1')) and (nih.mass or nih.nodule)"
    )
    assert [read["name"] for read in made.reads if read["kind"] == "subset"] == [
        "hernia@1",
        "fibrosis@1",
    ]


def test_steps_follow_the_question(catalog: Catalog) -> None:
    wanted = Derivation(
        parent="pneumothorax", where="view = 'PA'", one_per_patient="first", sample=100, seed=3
    )
    made = catalog.create_subset("pilot", note="a trial", derivation=wanted)
    assert (made.images, made.patients, made.operation) == (100, 100, "from")
    assert [step.condition for step in made.funnel] == [
        "in_subset('pneumothorax@1')",
        "view = 'PA'",
        "one image a patient: first",
        "sample of 100 images, seed 3",
    ]
    assert [step["kind"] for step in made.steps] == ["one_per_patient", "sample"]
    assert catalog.create_subset("pilot", derivation=wanted).version == 1
    other = catalog.create_subset("pilot", derivation=replace(wanted, seed=4))
    assert (other.version, other.images) == (2, 100)
    assert other.digest != made.digest


def test_the_same_seed_gives_the_same_images_on_every_database(catalog: Catalog) -> None:
    wanted = Derivation(where="effusion", sample=500, by="patient", seed=11)
    made = catalog.create_subset("draw", derivation=wanted)
    assert made.patients == 500
    assert made.digest == "xxh128:875392e8520ff75703a8a62cdd9e1930"


def test_many_are_made_together_or_not_at_all(catalog: Catalog) -> None:
    wanted = [(f"draw-{seed}", Derivation(where="mass", sample=10, seed=seed)) for seed in range(3)]
    made = catalog.create_subsets(wanted)
    assert [each.images for each in made] == [10, 10, 10]
    assert len({each.digest for each in made}) == 3
    with pytest.raises(UsageError, match="cannot be drawn"):
        catalog.create_subsets(
            [("fine", Derivation(where="mass")), ("bad", Derivation(where="hernia", sample=228))]
        )
    with pytest.raises(NotFoundError):
        catalog.subset("fine")


def test_lists(catalog: Catalog, tmp_path: Path) -> None:
    names = [row.name for row in catalog.images("hernia")]
    path = tmp_path / "names.txt"
    path.write_bytes(b"\xef\xbb\xbf" + "\r\n".join([*reversed(names), "", ""]).encode())
    assert make(catalog, "listed", listed=path) == set(names)
    made = catalog.subset("listed")
    assert made.operation == "list"
    assert made.steps == (
        {
            "kind": "list",
            "source": "names.txt",
            "names": 227,
            "checksum": catalog.manifest("hernia").subset.names,
        },
    )
    assert made.digest == catalog.subset("hernia").digest


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "names nothing"),
        ("\n \n", "names nothing"),
        ("00000001_000.png\nx.png\n", "1 of 2 lines are wrong.*line 2: 'x.png' is not an image"),
        ("00000001_000.png\n\n00000001_000.png", "line 3: '00000001_000.png' is there twice"),
        ("\n".join("abcdef"), "6 of 6 .*line 3: 'c' is not an image of the dataset; and 3 more"),
        ("../../etc/passwd", "is not an image of the dataset"),
    ],
)
def test_wrong_lists(shared: Catalog, tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "names.txt"
    path.write_text(text)
    with pytest.raises(InputError, match=said):
        shared.create_subset("listed", derivation=Derivation(listed=path))
    with pytest.raises(NotFoundError):
        shared.subset("listed")


def test_lists_that_cannot_be_read(shared: Catalog, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="No such file"):
        shared.create_subset("listed", derivation=Derivation(listed=tmp_path / "nope"))
    (tmp_path / "image.png").write_bytes(b"\x89PNG\r\n\xff\xfe")
    with pytest.raises(InputError, match="is not UTF-8 text"):
        shared.create_subset("listed", derivation=Derivation(listed=tmp_path / "image.png"))


@pytest.mark.parametrize(
    ("wanted", "said"),
    [
        (Derivation(), "say what is in it"),
        (Derivation(parent="mass", union=("mass", "hernia")), "--union and --from exclude"),
        (Derivation(parent="mass'); drop table subset; --"), "names no subset"),
        (Derivation(parent="mass@x"), "names no subset"),
        (Derivation(where="mass", sample=0), "at least 1"),
        (Derivation(where="mass", sample=1_000_000), "cannot be drawn from 5,782"),
        (Derivation(where="mass", listed=Path("x")), "--from-list stands alone"),
        (Derivation(parent="other/mass", where="mass"), "unknown dataset 'other'"),
        (Derivation(union=("a/mass", "b/mass")), "of one dataset.* of a and b"),
    ],
)
def test_what_cannot_be_made(shared: Catalog, wanted: Derivation, said: str) -> None:
    with pytest.raises((UsageError, NotFoundError), match=said):
        shared.create_subset("bad", derivation=wanted)


def test_an_unknown_parent_names_the_nearest(shared: Catalog) -> None:
    with pytest.raises((NotFoundError, InputError), match="did you mean pneumothorax"):
        shared.create_subset("bad", derivation=Derivation(parent="pneumotorax"))
