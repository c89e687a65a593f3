"""Two exports of one subset, made on two machines: alike, but for when, who and where."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from ..catalog.labels import expert
from ..checks import BOXES, DATED, check_export, check_prov, names_with
from ..conftest import Run
from .conftest import COMMAND

NAMES = names_with("Mass")[:40]
SPLIT = ("subset", "split", "asked", "--into", "train=0.6,test=0.4", "--seed", "3")
ASKED = "(mass or expert4.pneumothorax) and view = 'PA'"

Machine = Callable[..., str]


@pytest.fixture
def machines(
    cxrcat: Run,  # noqa: ARG001 - which makes the folder of the commands
    work: Path,
    sqlite_location: str,
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
) -> dict[str, Machine]:
    """Return what runs the command on either machine: another catalog, user, folder and host."""
    places = {"ada": sqlite_location, "Björn B.": postgresql(postgresql_template)}

    def at(user: str, location: str) -> Machine:
        folder = work / user
        folder.mkdir()
        host = ["unshare", "--uts", "sh", "-c", 'hostname "$0" && exec "$@"', f"host{len(user)}"]
        other = not subprocess.run([*host, "true"], capture_output=True, check=False).returncode
        env = {**os.environ, "CXRCAT_CATALOG": location, "CXRCAT_USER": user}

        def run(*words: str | Path) -> str:
            command = [*(host if other else []), COMMAND, *words]
            done = subprocess.run(
                command, cwd=folder, env=env, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, done
            return done.stdout

        return run

    return {user: at(user, location) for user, location in places.items()}


def test_they_differ_in_what_is_documented_alone(
    machines: dict[str, Machine], work: Path, image_folder: Callable[..., Path]
) -> None:
    folders = []
    for number, (user, run) in enumerate(machines.items()):
        place = work / user
        expert.four_labels(place / "test_labels.csv", {NAMES[0]: {"Pneumothorax": "YES"}})
        run("labels", "add", "expert4", "test_labels.csv")
        if number:  # what else is in a catalog, and what an export replaces, changes nothing
            run("subset", "create", "other", "--where", "hernia")
            run("export", "--subset", "hernia", "--to", "train")
        run("subset", "create", "asked", "--where", ASKED)
        run(*SPLIT)
        images = image_folder(NAMES, folder=f"images of {user}")
        take = ("--images", "copy", "--from", images, "--allow-missing")
        again = ("--project", "screening", "--force") if number else ()
        run("export", "--subset", "asked-train", "--to", "train", *take, *again)
        folders.append(place / "train")
        check_export(place / "train")
    one, two = (
        {path.relative_to(each).as_posix(): path.read_bytes() for path in each.rglob("*.*")}
        for each in folders
    )
    assert one.keys() == two.keys()
    assert one.keys() > BOXES
    assert any(name.startswith("images/") for name in one)
    dated = {"provenance.json", *DATED}
    assert {name for name in one if one[name] != two[name]} == {*dated, "checksums.xxh128"}
    first, second = (json.loads(files["provenance.json"]) for files in (one, two))
    assert first.pop("export") != second.pop("export")
    assert first == second
    lists = [files["checksums.xxh128"].decode().splitlines() for files in (one, two)]
    changed = {left for left, right in zip(*lists, strict=True) if left != right}
    assert {line.partition("  ")[2] for line in changed} == dated


def test_their_provenance_merges(machines: dict[str, Machine], work: Path) -> None:
    texts = []
    for user, run in machines.items():
        run("subset", "create", "asked", "--where", "mass and view = 'PA'")
        run(*SPLIT)
        for folder in ("one", "two"):
            run("export", "--subset", "asked-train", "--to", folder)
            check_export(work / user / folder)
            texts.append((work / user / folder / "prov.json").read_text("utf-8"))
    told = [json.loads(text) for text in texts]
    merged: dict[str, dict[str, object]] = {}
    for number, each in enumerate(told):
        for section, records in each.items():
            here = merged.setdefault(section, {})
            for key, record in records.items():
                # Names of relations are of one document; all else is one thing, said alike.
                name = f"{key}of{number}" if key.startswith("_:") else key
                assert here.setdefault(name, record) == record, name
    check_prov(json.dumps(merged)).unified()
    kinds = [
        kind["$"].removeprefix("term:")
        for entity in merged["entity"].values()
        for kind in entity["prov:type"]  # type: ignore[index]
    ]
    assert kinds.count("Dataset") == 1
    assert kinds.count("Subset") == 2
    assert kinds.count("Slice") == 4
    assert kinds.count("Record") == 2 * 4  # of the release, its labels and two versions
