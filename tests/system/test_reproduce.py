"""Two catalogs and the installed command: one exports, the other reproduces and goes on."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

from ..catalog.labels import expert
from ..checks import check_export, check_failure, names_with
from ..conftest import Run


def test_from_one_machine_to_another(
    cxrcat: Run, work: Path, location: str, template: Path, tmp_path: Path
) -> None:
    there = {"CXRCAT_CATALOG": str(shutil.copy(template, tmp_path / "there.sqlite"))}
    here = {"CXRCAT_CATALOG": location}

    def ok(env: dict[str, str], *words: str) -> str:
        done = cxrcat(*words, env=env)
        assert done.returncode == 0, done.stderr
        return done.stdout

    ok(there, "subset", "create", "base", "--where", "boxed(mass) or pneumothorax")
    ok(there, "subset", "create", "cut", "--from", "base", "--sample", "300", "--seed", "3")
    ok(there, "export", "--subset", "cut", "--to", "cut")
    assert ok(there, "recipe", "cut", "--to", "cut.cxrcat.yaml").split() == [
        "cut.cxrcat.yaml", "cut.cxrcat.names.gz",
    ]  # fmt: skip
    (work / "packed.yaml").write_text(ok(there, "recipe", "./cut"))
    ok(here, "subset", "create", "base", "--where", "edema")
    before = ok(here, "subset", "list")
    for what in ("cut", "cut/provenance.json", "cut.cxrcat.yaml", "packed.yaml"):
        found = json.loads(ok(here, "reproduce", what, "--json"))
        assert found["equal"]
        assert [each["subset"] for each in found["versions"]] == ["base@1", "cut@1"]
    assert ok(here, "subset", "list") == before
    found = json.loads(ok(here, "register", "cut", "--json"))
    assert found["versions"] == {"base@1": "base@2", "cut@1": "cut@1"}
    assert ok(here, "subset", "create", "--recipe", "packed.yaml") == "cut@1\n"
    ok(here, "subset", "create", "men", "--from", "cut", "--where", "sex = 'M'")
    ok(here, "export", "--subset", "men", "--to", "men")
    check_export(work / "men")
    duties = [
        {each["id"] for each in json.loads((work / name / "provenance.json").read_text())["duties"]}
        for name in ("cut", "men")
    ]
    assert duties[0] <= duties[1]
    name = (work / "men" / "metadata.csv").read_text().splitlines()[1].partition(",")[0]
    assert str(work / "cut") in ok(here, "impact", "--image", name)
    ok(here, "export", "--subset", "base@2", "--to", "base")
    ok(here, "withdraw", "--image", name, "--reason", "damaged")
    done = cxrcat("reproduce", "cut", env=here)
    assert done.returncode == 1
    assert f": damaged ({name})" in done.stdout
    done = cxrcat("reproduce", "base", env=here)
    assert re.search(r"not withdrawn: [\d,]+ images here, not asked there\n", done.stdout)
    refused = cxrcat("subset", "create", "x", "--recipe", "packed.yaml", env=here)
    assert refused.returncode == 1
    assert len(refused.stderr.splitlines()) == 1


def test_labels_that_are_not_here(
    cxrcat: Run, work: Path, location: str, template: Path, tmp_path: Path
) -> None:
    there = {"CXRCAT_CATALOG": str(shutil.copy(template, tmp_path / "there.sqlite"))}
    here = {"CXRCAT_CATALOG": location}
    name = names_with("Hernia")[0]
    expert.four_labels(work / "test_labels.csv", {name: {"Pneumothorax": "YES"}})
    expert.four_readers(work / "individual_readers.csv", [(name, "7", {})])
    files = ("test_labels.csv", "individual_readers.csv")
    for words in (
        ("labels", "add", "expert4", *files),
        ("subset", "create", "read", "--where", "expert4.pneumothorax"),
        ("export", "--subset", "read"),
    ):
        assert cxrcat(*words, env=there).returncode == 0
    done = cxrcat("reproduce", "read", env=here)
    assert done.returncode == 1
    assert "the labels expert4 (xxh128:" in done.stdout + done.stderr
    refused = cxrcat("register", "read", env=here)
    check_failure(refused, 2, "expert4", "'cxrcat labels add expert4 FILE…'", caret=True)
    assert "read" not in cxrcat("subset", "list", env=here).stdout
    assert cxrcat("labels", "add", "expert4", *files, env=here).returncode == 0
    assert cxrcat("reproduce", "read", env=here).returncode == 0
    assert cxrcat("register", "read", env=here).stdout == "read@1\n"


def test_bad_input_is_one_line(cxrcat: Run, work: Path) -> None:
    (work / "bad.yaml").write_text("format: cxrcat.recipe/1\n")
    (work / "empty").mkdir()
    for words in (
        ["recipe", "nothing"],
        ["recipe", "hernia", "--to", "x.txt"],
        ["recipe", "./empty"],
        ["reproduce", "nothing"],
        ["reproduce", "bad.yaml"],
        ["reproduce", "empty"],
        ["register", "nothing"],
        ["register", "empty"],
        ["subset", "create"],
        ["subset", "create", "--recipe", "bad.yaml"],
        ["subset", "create", "--recipe", "bad.yaml", "--where", "mass"],
    ):
        done = cxrcat(*words)
        assert done.returncode == 2, words
        assert len(done.stderr.splitlines()) == 1, done.stderr
        assert "defect" not in done.stderr
