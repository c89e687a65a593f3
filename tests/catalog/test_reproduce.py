"""Subsets go from one catalog to another: recipes, reproduction, registered exports."""

from __future__ import annotations

import json
import shutil
from collections.abc import Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from cxrcat.catalog import Catalog, Request, told
from cxrcat.catalog.checksums import of_file
from cxrcat.catalog.derive import Derivation
from cxrcat.catalog.export import ImageMode
from cxrcat.catalog.recipe import save
from cxrcat.catalog.split import Splitting
from cxrcat.catalog.subsets import SubsetInfo
from cxrcat.catalog.verify import read_checksums, write_checksums
from cxrcat.catalog.withdrawals import Withdraw
from cxrcat.schemas import recipe as schema
from cxrcat.schemas.errors import CheckFailedError, CxrcatError, InputError, UsageError

HERNIA = "00000003_000.png"
LISTED = (HERNIA, "00000003_001.png")


@pytest.fixture(scope="module")
def theirs(template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Catalog]:
    """Open a catalog in which a subset of every kind is made; nothing is changed in it."""
    home = tmp_path_factory.mktemp("theirs")
    (home / "list.txt").write_text("\n".join(LISTED))
    with Catalog.open(str(shutil.copy(template, home / "catalog.sqlite"))) as opened:
        opened.create_subset("adults", "mass")
        opened.create_subset("adults", "pneumothorax and age >= 18", note="only adults")
        for name, wanted in {
            "listed": Derivation(listed=home / "list.txt"),
            "pilot": Derivation(parent="adults", one_per_patient="random", sample=60, seed=7),
            "some": Derivation(parent="pilot", sample=20, by="patient", seed=7),
            "either": Derivation(union=("some", "listed")),
            "common": Derivation(intersect=("either", "hernia")),
            "without": Derivation(minus=("either", "listed"), where="view = 'PA' or boxed(mass)"),
        }.items():
            opened.create_subset(name, derivation=wanted)
        opened.split_subset("without", Splitting((("a", "0.5"), ("b", "0.5")), stratify="finding"))
        yield opened


@pytest.fixture
def ours(location: str) -> Iterator[Catalog]:
    """Open a catalog that knows other subsets under the same names."""
    with Catalog.open(location) as opened:
        for where in ("effusion", "edema", "fibrosis"):
            opened.create_subset("adults", where)
        yield opened


NAMES = ("adults@2", "listed", "pilot", "some", "either", "common", "without", "without-a")


def recipe_of(catalog: Catalog, name: str, folder: Path) -> Path:
    path = folder / f"{name}.cxrcat.yaml"
    save(path, catalog.recipe(name, path.name))
    return path


def counts(subset: SubsetInfo) -> list[tuple[int, int]]:
    """Return what each condition left; conditions name subsets by each catalog's own numbers."""
    return [(step.images, step.patients) for step in subset.funnel]


def edited(path: Path, *place: str | int, value: Any) -> Path:
    data = yaml.safe_load(path.read_text())
    part = data
    for key in place[:-1]:
        part = part[key]
    part[place[-1]] = value
    path.write_text(yaml.safe_dump(data, sort_keys=False))
    return path


@pytest.mark.parametrize("name", NAMES)
def test_every_operation_is_reproduced(theirs: Catalog, tmp_path: Path, name: str) -> None:
    path = recipe_of(theirs, name, tmp_path)
    found = theirs.reproduce(path)
    assert found.equal, found
    assert found.versions[-1].digest == theirs.subset(name).digest
    assert all(each.lost == () and each.gained == () for each in found.versions)
    assert theirs.recipe(name).text == theirs.recipe(name).text
    jsonschema.Draft202012Validator(schema.json_schema()).validate(yaml.safe_load(path.read_text()))


def test_the_schema_is_published() -> None:
    published = Path(schema.__file__).parent / "recipe.schema.json"
    assert json.loads(published.read_text()) == schema.json_schema()


@pytest.mark.parametrize("name", NAMES)
def test_a_recipe_makes_the_same_images_elsewhere(
    theirs: Catalog, template: Path, tmp_path: Path, name: str
) -> None:
    path = recipe_of(theirs, name, tmp_path)
    with Catalog.open(str(shutil.copy(template, tmp_path / "new.sqlite"))) as new:
        before = len(new.subsets())
        assert new.reproduce(path).equal
        assert len(new.subsets()) == before
        made = new.follow_recipe(path)
        known = theirs.subset(name)
        assert made.subset.digest == known.digest
        assert counts(made.subset) == counts(known)
        assert made.subset.note == known.note
        assert new.follow_recipe(path).subset == made.subset


def test_numbers_follow_the_names(ours: Catalog, theirs: Catalog, tmp_path: Path) -> None:
    path = recipe_of(theirs, "without-a", tmp_path)
    made = ours.follow_recipe(path, "mine")
    assert made.versions["adults@2"] == "adults@4"
    assert made.versions["without-a@1"] == "mine@1"
    assert ours.subset("pilot").normal == "in_subset('adults@4')"
    assert ours.subset("mine").digest == theirs.subset("without-a").digest
    again = ours.follow_recipe(path)
    assert again.versions == {**made.versions, "without-a@1": "without-a@1"}
    assert ours.reproduce(recipe_of(ours, "mine", tmp_path)).equal


def test_a_withdrawn_image_is_named(ours: Catalog, theirs: Catalog, tmp_path: Path) -> None:
    path = recipe_of(theirs, "either", tmp_path)
    ours.withdraw(Withdraw("a name is burned in", images=(HERNIA,)))
    count = len(ours.subsets())
    found = ours.reproduce(path)
    assert not found.equal
    last = found.versions[-1]
    assert last.lost is not None
    (lost,) = last.lost
    assert lost.name == HERNIA
    assert lost.reason.startswith("withdrawn on 20")
    assert lost.reason.endswith(": a name is burned in")
    with pytest.raises(CheckFailedError, match=r"listed@1 has another answer.*burned in"):
        ours.follow_recipe(path)
    assert len(ours.subsets()) == count


def test_a_sample_draws_another_in_its_place(
    ours: Catalog, theirs: Catalog, tmp_path: Path
) -> None:
    victim = next(theirs.images("pilot")).name
    ours.withdraw(Withdraw("damaged", images=(victim,)))
    found = ours.reproduce(recipe_of(theirs, "pilot", tmp_path))
    last = found.versions[-1]
    assert last.lost is not None
    assert last.gained is not None
    assert [each.name for each in last.lost] == [victim]
    assert len(last.gained) == 1


def test_another_release_and_other_labels_are_said(theirs: Catalog, tmp_path: Path) -> None:
    path = recipe_of(theirs, "pilot", tmp_path)
    edited(path, "sets", 0, "checksum", value="xxh128:" + "1" * 32)
    found = theirs.reproduce(path)
    assert found.equal
    assert "from other files here" in found.notes[0]
    edited(path, "tool", "version", value="0.0.1")
    assert "recorded by cxrcat 0.0.1" in theirs.reproduce(path).notes[0]
    edited(path, "dataset", "names_checksum", value="xxh128:" + "1" * 32)
    assert "other images here" in theirs.reproduce(path).problems[0]
    edited(path, "dataset", "version", value="v9")
    found = theirs.reproduce(path)
    assert not found.equal
    assert "the release nih-chest-xray@v9 is not in this catalog" in found.problems[0]
    with pytest.raises(UsageError, match="cxrcat ingest nih-chest-xray@v9 FILE"):
        theirs.follow_recipe(path)


def test_another_answer_is_said(theirs: Catalog, tmp_path: Path) -> None:
    path = recipe_of(theirs, "common", tmp_path)
    edited(path, "subset", "digest", value="xxh128:" + "1" * 32)
    found = theirs.reproduce(path)
    assert not found.equal
    assert "are not those of the digest" in str(found.versions[-1].problem)
    path = recipe_of(theirs, "adults@2", tmp_path)
    edited(path, "subset", "funnel", 0, "images", value=17)
    (step, *_) = (each for each in theirs.reproduce(path).versions[-1].funnel if not each.equal)
    assert step.images_recorded == 17


def test_names_are_read_in_every_form(theirs: Catalog, tmp_path: Path) -> None:
    beside = told.of_recipe(recipe_of(theirs, "hernia", tmp_path))
    packed = tmp_path / "packed.yaml"
    packed.write_text(theirs.recipe("hernia").text)
    assert told.of_recipe(packed).names == beside.names
    names = yaml.safe_load(packed.read_text())["names"][0]
    del names["packed"]
    names["lines"] = list(beside.names["hernia@1"])
    edited(packed, "names", 0, value=names)
    assert told.of_recipe(packed).names == beside.names


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"file": "../x.gz"}, "not the name of a file"),
        ({"file": "/etc/passwd"}, "not the name of a file"),
        ({"file": "absent.gz"}, "put the file beside"),
        ({"packed": "%%%"}, "not base64"),
        ({"packed": "aGVsbG8="}, "no gzip data"),
        ({"lines": ["a b"]}, "names.0.lines.0"),
        ({"lines": ["a"]}, "were changed"),
        ({"lines": ["a"], "packed": ""}, "give one of"),
    ],
)
def test_bad_names_are_one_line(
    theirs: Catalog, tmp_path: Path, change: dict[str, Any], said: str
) -> None:
    path = recipe_of(theirs, "hernia", tmp_path)
    names = yaml.safe_load(path.read_text())["names"][0]
    del names["file"]
    edited(path, "names", 0, value={**names, **change})
    with pytest.raises(InputError, match=said) as caught:
        theirs.reproduce(path)
    assert "\n" not in str(caught.value)


def test_a_bomb_is_refused(theirs: Catalog, tmp_path: Path) -> None:
    path = recipe_of(theirs, "hernia", tmp_path)
    bomb = told.pack(["0" * 1_000_000] * 70)
    assert len(bomb) < 200_000
    (tmp_path / "hernia.cxrcat.names.gz").write_bytes(bomb)
    with pytest.raises(InputError, match="larger than 64 MiB"):
        theirs.reproduce(path)


def sealed(folder: Path) -> None:
    """Write an export's list of checksums anew, as whoever forges one would."""
    listed = read_checksums(folder / "checksums.xxh128")
    text = write_checksums({path: of_file(folder / path) for path in listed})
    (folder / "checksums.xxh128").write_text(text)


@pytest.fixture(scope="module")
def exported(theirs: Catalog, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return an export of what was made in many steps, without a list; copy it."""
    folder = tmp_path_factory.mktemp("exported")
    theirs.export(Request("some", destination=folder / "some", project="screening"))
    theirs.export(Request("listed", destination=folder / "listed"))
    theirs.export(Request("without-a", destination=folder / "without-a"))
    return folder


def test_an_export_is_registered(ours: Catalog, theirs: Catalog, exported: Path) -> None:
    with pytest.raises(UsageError, match=r"listed@1 is listed in list.txt"):
        ours.register(exported / "without-a")
    assert not ours.exports()
    assert ours.register(exported / "listed").made == ("listed@1",)
    found = ours.register(exported / "without-a")
    assert found.versions["adults@2"] == "adults@4"
    assert ours.subset("pilot").normal == "in_subset('adults@4')"
    known, here = theirs.subset("without-a"), ours.subset("without-a")
    assert (here.digest, here.steps) == (known.digest, known.steps)
    assert counts(here) == counts(known)
    assert (here.by, here.created_at) == (known.by, known.created_at)
    again = ours.register(exported / "without-a")
    assert again.already
    assert len(ours.exports()) == 2
    there = {each.id for each in theirs.manifest("without-a").duties}
    ours.create_subset("kid", derivation=Derivation(parent="without-a", where="sex = 'M'"))
    assert {each.id for each in ours.manifest("kid").duties} >= there
    assert ours.reproduce(exported / "without-a").equal
    ours.register(exported / "some")
    (row,) = (each for each in ours.exports() if each.subset == "some")
    assert (row.project, row.state) == ("screening", "published")


def test_images_of_an_export_are_replicas(
    ours: Catalog, theirs: Catalog, tmp_path: Path, image_folder: Any
) -> None:
    source = image_folder(list(LISTED))
    theirs.export(
        Request("listed", destination=tmp_path / "x", source=str(source), mode=ImageMode.COPY)
    )
    assert ours.register(tmp_path / "x").replicas == 2
    (replica,) = ours.replicas(HERNIA)
    assert replica.uri.endswith(f"/x/images/{HERNIA}")
    assert replica.checksum == str(of_file(tmp_path / "x" / "images" / HERNIA))
    text = theirs.recipe(tmp_path / "x").text
    assert f"{HERNIA} {replica.checksum}" in text


def test_what_is_not_whole_is_refused(ours: Catalog, exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported / "some", tmp_path / "some"))
    (folder / "README.md").write_text("changed")
    with pytest.raises(CheckFailedError, match=r"is not whole.*README.md"):
        ours.register(folder)
    lines = (folder / "metadata.csv").read_text().splitlines(keepends=True)
    (folder / "metadata.csv").write_text("".join(lines[:-1]))
    sealed(folder)
    with pytest.raises(CheckFailedError, match="names other images"):
        ours.register(folder)
    assert not ours.exports()


def test_no_duty_is_lost(ours: Catalog, exported: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(exported / "some", tmp_path / "some"))
    data = json.loads((folder / "provenance.json").read_text())
    data["duties"].append({**data["duties"][0], "id": "their-own"})
    (folder / "provenance.json").write_text(json.dumps(data))
    sealed(folder)
    with pytest.raises(UsageError, match="the duty 'their-own' of the export is not in"):
        ours.register(folder)
    assert not ours.exports()
    assert "some" not in {each.name for each in ours.subsets()}


JSON = st.none() | st.integers() | st.text(max_size=8) | st.just([]) | st.just({})
BYTES = st.binary(max_size=12) | st.sampled_from(
    [b'"', b"\n", b"\r\n", b"\0", b",", b",,", b"\xff", b"/../../x", b"9" * 40]
)
hostile = partial(
    settings, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def another_of(exported: Path, tmp_path: Path) -> Path:
    """Copy an export to where the one of the last example was."""
    folder = tmp_path / "hostile"
    shutil.rmtree(folder, ignore_errors=True)
    return Path(shutil.copytree(exported / "some", folder))


def registers(template: Path, folder: Path) -> bool:
    """Register and reproduce a forged export; what is refused must leave nothing behind."""
    sealed(folder)
    place = folder.with_name("victim.sqlite")
    shutil.copy(template, place)
    with Catalog.open(place) as victim:
        before = victim.subsets(), victim.exports()
        try:
            found = victim.register(folder)
        except CxrcatError as error:
            assert "\n" not in str(error)
            assert (victim.subsets(), victim.exports()) == before
            taken = False
        else:
            manifest = json.loads((folder / "provenance.json").read_text())
            assert victim.subset(found.subset).digest == manifest["subset"]["digest"]
            taken = True
        with suppress(CxrcatError):
            victim.reproduce(folder)
    return taken


@hostile(max_examples=40)
@given(data=st.data())
def test_hostile_manifests_leave_nothing(
    template: Path, exported: Path, tmp_path: Path, data: st.DataObject
) -> None:
    folder = another_of(exported, tmp_path)
    manifest = json.loads((folder / "provenance.json").read_text())
    part: Any = manifest
    while True:
        keys = list(part) if isinstance(part, dict) else list(range(len(part)))
        if not keys:
            return
        place = data.draw(st.sampled_from(keys))
        if isinstance(part[place], dict | list) and part[place] and data.draw(st.booleans()):
            part = part[place]
            continue
        part[place] = data.draw(JSON)
        break
    (folder / "provenance.json").write_text(json.dumps(manifest))
    registers(template, folder)


@hostile(max_examples=20)
@given(data=st.data())
def test_hostile_tables_leave_nothing_but_the_images_recorded(
    template: Path, exported: Path, tmp_path: Path, data: st.DataObject
) -> None:
    folder = another_of(exported, tmp_path)
    path = folder / "metadata.csv"
    table = path.read_bytes()
    start = data.draw(st.integers(0, len(table)))
    stop = data.draw(st.integers(start, min(len(table), start + 80)))
    path.write_bytes(table[:start] + data.draw(BYTES) + table[stop:])
    manifest = json.loads((folder / "provenance.json").read_text())
    (fact,) = (each for each in manifest["files"] if each["path"] == path.name)
    fact |= {"checksum": str(of_file(path)), "size": path.stat().st_size}
    (folder / "provenance.json").write_text(json.dumps(manifest))
    registers(template, folder)


def test_what_is_only_sealed_anew_is_registered(
    template: Path, exported: Path, tmp_path: Path
) -> None:
    assert registers(template, another_of(exported, tmp_path))
