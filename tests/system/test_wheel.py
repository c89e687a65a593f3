"""What leaves the house: the wheel and the sdist hold what they should, and run where installed."""

from __future__ import annotations

import functools
import json
import os
import shutil
import subprocess
import sys
import tarfile
import tomllib
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
FOLDERS = ("catalog", "cli", "schemas")
FOR_DEVELOPERS = {".mako", ".md"}  # lie beside the code and are of no use without the tree
EXTRAS = {"google", "psycopg"}  # what the optional dependencies bring, as imported
LICENCES = {"LICENSE", "NOTICE.md"}
SUPPORTED = ((3, 11), (3, 12), (3, 13))

# As it was before any fixture: pip needs the user's own settings and cache.
AMBIENT = {
    name: value
    for name, value in os.environ.items()
    if not name.startswith(("CXRCAT_", "PYTEST_", "PYTHON"))
}

# Prints, for each module of an installed cxrcat, the module that it missed, or nothing.
IMPORT_ALL = """
import importlib, json, pkgutil
found = {}
def visit(name):
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        found[name] = error.name
        return
    found[name] = None
    for child in pkgutil.iter_modules(getattr(module, "__path__", ()), name + "."):
        if child.name != "cxrcat.schemas.migrations.env":  # alembic runs it, nobody imports it
            visit(child.name)
for name in ("cxrcat.catalog", "cxrcat.cli", "cxrcat.schemas"):
    visit(name)
print(json.dumps(found))
"""


def run(*command: str | Path, cwd: Path, env: dict[str, str] | None = None) -> str:
    __tracebackhide__ = True
    done = subprocess.run(
        [str(word) for word in command],
        cwd=cwd,
        env=env or AMBIENT,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        sys.stdout.write(done.stdout + done.stderr)
        pytest.fail(f"{command[0]} {command[1]} … ended with {done.returncode}")
    return done.stdout


@functools.cache
def tracked() -> tuple[PurePosixPath, ...]:
    """The files that git tracks or would, so that work not yet committed is tested as well."""
    command = ("git", "ls-files", "-z", "--cached", "--others", "--exclude-standard")
    names = run(*command, cwd=ROOT).rstrip("\0").split("\0")
    return tuple(sorted(PurePosixPath(name) for name in set(names) if (ROOT / name).is_file()))


def package_files() -> set[PurePosixPath]:
    return {
        path for path in tracked() if path.parts[0] in FOLDERS and path.suffix not in FOR_DEVELOPERS
    }


@dataclass(frozen=True)
class Distributions:
    tree: Path
    wheel: Path
    sdist: Path


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Distributions:
    """The sdist of a clean copy, and the wheel that is made from that sdist."""
    tree = tmp_path_factory.mktemp("tree")
    for path in tracked():
        (tree / path.parent).mkdir(parents=True, exist_ok=True)
        shutil.copy2(ROOT / path, tree / path)
    dist = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--outdir", dist, tree, cwd=dist)
    (wheel,) = dist.glob("*.whl")
    (sdist,) = dist.glob("*.tar.gz")
    return Distributions(tree, wheel, sdist)


def test_wheel_holds_the_package_and_nothing_else(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        names = {name for name in archive.namelist() if not name.endswith("/")}
    info = built.wheel.name.removesuffix("-py3-none-any.whl") + ".dist-info"
    expected = {f"cxrcat/{path}" for path in package_files()}
    expected |= {f"{info}/{name}" for name in ("METADATA", "RECORD", "WHEEL")}
    expected |= {f"{info}/{name}" for name in ("entry_points.txt", "top_level.txt")}
    expected |= {f"{info}/licenses/{name}" for name in LICENCES}
    assert names == expected


def test_what_the_package_cannot_do_without() -> None:
    """The rule of the wheel is "what is tracked"; these are the ones whose loss would hurt."""
    names = {str(path) for path in package_files()}
    assert {f"{folder}/py.typed" for folder in FOLDERS} <= names
    dataset = "schemas/datasets/nih-chest-xray/"
    assert {dataset + "dataset.yaml", dataset + "Data_Entry_2017_v2020.csv.gz"} <= names
    assert dataset + "BBox_List_2017.csv.gz" in names
    assert any(name.startswith("schemas/migrations/versions/0001") for name in names)


def test_wheel_holds_the_bytes_of_the_tree(built: Distributions) -> None:
    with zipfile.ZipFile(built.wheel) as archive:
        for path in package_files():
            assert archive.read(f"cxrcat/{path}") == (built.tree / path).read_bytes(), path


def test_sdist_holds_what_a_build_needs(built: Distributions) -> None:
    with tarfile.open(built.sdist) as archive:
        names = {member.name.partition("/")[2] for member in archive if member.isfile()}
    needed = {str(path) for path in package_files()} | LICENCES | {"README.md", "pyproject.toml"}
    assert needed <= names
    assert {name for name in names if name.startswith(FOLDERS)} <= {str(p) for p in tracked()}


def test_every_package_folder_is_listed() -> None:
    """A folder that is not listed works in an editable install and is absent from the wheel."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    code = [path for path in tracked() if path.parts[0] in FOLDERS and path.suffix == ".py"]
    folders = {path.parent for path in code}
    assert {folder / "__init__.py" for folder in folders} <= set(code)
    listed = settings["tool"]["setuptools"]["packages"]
    assert sorted(listed) == sorted(f"cxrcat.{'.'.join(folder.parts)}" for folder in folders)


def supported_pythons() -> dict[str, str]:
    """The running Python, and one of each other supported version that this machine has."""
    found = {"{}.{}".format(*sys.version_info): sys.executable}
    for major, minor in SUPPORTED:
        version = f"{major}.{minor}"
        pyenv = sorted(Path.home().glob(f".pyenv/versions/{version}.*/bin/python"))
        for candidate in [f"python{version}", *map(str, reversed(pyenv))]:
            if version in found or not shutil.which(candidate):
                continue
            # pyenv's shims are there for versions that are not, and Debian's lack ensurepip.
            check = "import ensurepip, sys; print('{}.{}'.format(*sys.version_info))"
            command = [candidate, "-c", check]
            done = subprocess.run(command, capture_output=True, text=True, env=AMBIENT, check=False)
            if done.returncode == 0 and done.stdout.strip() == version:
                found[version] = candidate
    return found


@pytest.mark.parametrize("python", [pytest.param(p, id=v) for v, p in supported_pythons().items()])
def test_installed_wheel_runs(built: Distributions, tmp_path: Path, python: str) -> None:
    venv, home, empty = (tmp_path / name for name in ("venv", "home", "empty"))
    home.mkdir()
    empty.mkdir()
    # This Python's pip serves all, and what nothing imports is not compiled: both take seconds.
    run(python, "-m", "venv", "--without-pip", venv, cwd=empty)
    installed = venv / "bin"
    pip = (sys.executable, "-m", "pip", "--python", installed / "python")
    run(*pip, "install", "-qq", "--no-compile", built.wheel, cwd=empty)

    (site,) = venv.glob("lib/python*/site-packages")
    assert not {*FOLDERS, "tests"} & {path.name for path in site.iterdir()}

    env = AMBIENT | {"HOME": str(home), "CXRCAT_CATALOG": str(tmp_path / "catalog.sqlite")}
    version = run(installed / "cxrcat", "--version", cwd=empty, env=env)
    assert "0.1.0" in version
    subsets = json.loads(run(installed / "cxrcat", "subset", "list", "--json", cwd=empty, env=env))
    assert "pneumothorax" in json.dumps(subsets)
    assert (tmp_path / "catalog.sqlite").is_file()
    assert not any(empty.iterdir()), "a listing left something in the working folder"

    here = json.loads(run(sys.executable, "-c", IMPORT_ALL, cwd=empty))
    there = json.loads(run(installed / "python", "-c", IMPORT_ALL, cwd=empty))
    assert set(here) == set(there)
    # Modules of an extra may miss it where no extra was asked for; nothing else may be missed.
    assert {missed.partition(".")[0] for missed in there.values() if missed} <= EXTRAS, there
