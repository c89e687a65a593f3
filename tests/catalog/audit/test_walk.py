"""Projects are found where people keep them, and trees are walked without leaving them."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from cxrcat.catalog.audit import repository
from cxrcat.catalog.audit.walk import projects, walk
from cxrcat.schemas.errors import InputError


def put(root: Path, *paths: str) -> Path:
    for path in paths:
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(path)
    return root


def git(root: Path, *words: str) -> None:
    who = ("-c", "user.name=a", "-c", "user.email=a@example.org")
    subprocess.run(["git", *who, *words], cwd=root, check=True, capture_output=True)


def names(root: Path) -> list[str]:
    return sorted(each.path.relative_to(root).as_posix() for each in projects(root))


def test_a_folder_with_a_mark_is_one_project(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "sub/README.md", "sub/pyproject.toml")
    assert names(tmp_path) == ["."]


def test_projects_below_a_folder(tmp_path: Path) -> None:
    put(tmp_path, "a/setup.py", "b/deep/er/README.txt", "c/images/1.png", "d/.git/index")
    assert names(tmp_path) == ["a", "b/deep/er", "c/images", "d"]


def test_loose_files_beside_projects_do_not_make_them_one(tmp_path: Path) -> None:
    put(tmp_path, "todo.txt", "a/README.md", "group/b/pyproject.toml", "slice/provenance.json")
    assert names(tmp_path) == [".", "a", "group/b"]
    (around,) = (each for each in projects(tmp_path) if each.path == tmp_path)
    assert around.without == {"a", "group/b"}


def test_repositories_in_a_project_that_is_none_are_their_own(tmp_path: Path) -> None:
    put(tmp_path, "README.md", "run.py", "a/.git/index", "b/.git", "c/README.md")
    assert names(tmp_path) == [".", "a", "b"]


def test_code_or_a_paper_makes_all_below_one_project(tmp_path: Path) -> None:
    put(tmp_path, "thesis/main.tex", "thesis/code/README.md", "lab/train.py", "lab/data/README.md")
    assert names(tmp_path) == ["lab", "thesis"]


def test_an_empty_folder_is_a_project_without_anything(tmp_path: Path) -> None:
    assert names(tmp_path) == ["."]


@pytest.mark.parametrize("kind", ["missing", "file", "dangling"])
def test_what_is_no_folder_is_refused(tmp_path: Path, kind: str) -> None:
    path = tmp_path / "x"
    if kind == "file":
        path.write_text("")
    elif kind == "dangling":
        path.symlink_to(tmp_path / "nowhere")
    with pytest.raises(InputError, match=r"x: (is no folder|leads nowhere)"):
        projects(path)


def test_no_link_is_followed_and_nothing_special_opened(tmp_path: Path) -> None:
    outside = put(tmp_path / "outside", "secret.md")
    root = put(tmp_path / "root", "a.md", "sub/b.md")
    (root / "link").symlink_to(outside)
    (root / "link.md").symlink_to(outside / "secret.md")
    (root / "loop").symlink_to(root)
    os.mkfifo(root / "pipe.md")
    assert [file.path for file in walk(root).files] == ["a.md", "sub/b.md"]


def test_environments_and_caches_are_left_out(tmp_path: Path) -> None:
    put(tmp_path, "a.py", ".git/x", "node_modules/x.js", "__pycache__/a.pyc", "env/pyvenv.cfg")
    put(tmp_path, "env/lib/b.py", ".venv/c.py")
    assert [file.path for file in walk(tmp_path).files] == ["a.py"]


def test_the_fingerprint_tells_every_change(tmp_path: Path) -> None:
    put(tmp_path, "a.md", "b/c.md")
    seen = [walk(tmp_path).fingerprint]
    assert walk(tmp_path).fingerprint == seen[0]
    (tmp_path / "a.md").write_text("longer than it was")
    seen.append(walk(tmp_path).fingerprint)
    (tmp_path / "b/c.md").rename(tmp_path / "b/d.md")
    seen.append(walk(tmp_path).fingerprint)
    os.utime(tmp_path / "a.md", ns=(1, 1))
    seen.append(walk(tmp_path).fingerprint)
    (tmp_path / "a.md").write_text("Longer than it was")
    os.utime(tmp_path / "a.md", ns=(1, 1))  # as it was, to those who ask for no more
    seen.append(walk(tmp_path).fingerprint)
    (tmp_path / "a.md").chmod(0o600)
    seen.append(walk(tmp_path).fingerprint)
    (tmp_path / "b/d.md").unlink()
    seen.append(walk(tmp_path).fingerprint)
    assert len(set(seen)) == 7


def test_a_folder_deeper_than_the_system_can_name_is_told_of(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    place = os.open(tmp_path, os.O_RDONLY)
    for _ in range(20):
        os.mkdir("x" * 250, dir_fd=place)
        below = os.open("x" * 250, os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = below
    os.close(place)
    tree = walk(tmp_path)
    assert [file.path for file in tree.files] == ["a.md"]
    (folder,) = tree.unreadable
    assert len(f"{tmp_path}/{folder}") > 4095 > len(f"{tmp_path}/{folder}") - 252


def test_a_name_of_bytes_that_are_no_text(tmp_path: Path) -> None:
    (Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff\x1b.md"))).write_text("x")
    (file,) = walk(tmp_path).files
    assert os.fsencode(file.path) == b"\xff\x1b.md"


def test_what_git_tracks_and_ignores(tmp_path: Path) -> None:
    put(tmp_path, "in/a.png", "in/sub/b.png", "out.png", "data/c.png", "data/keep/d.png")
    (tmp_path / ".gitignore").write_text("data/*\n!data/keep\n")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", "in", ".gitignore")
    assert repository.tracked(tmp_path) == {"in/a.png", "in/sub/b.png", ".gitignore"}
    assert repository.tracked(tmp_path / "in") == {"a.png", "sub/b.png"}
    ignore = repository.ignored(tmp_path)
    assert ignore is not None
    tree = [file.path for file in walk(tmp_path, ignore).files]
    assert tree == [".gitignore", "data/keep/d.png", "in/a.png", "in/sub/b.png", "out.png"]
    before = repository.index_stamp(tmp_path)
    git(tmp_path, "add", "out.png")
    assert repository.index_stamp(tmp_path) != before


def test_a_work_tree_and_a_submodule_have_their_repository_elsewhere(tmp_path: Path) -> None:
    first, second, around = (tmp_path / name for name in ("first", "second", "around"))
    put(first, "a.png", "b.png")
    git(first, "init", "--quiet")
    git(first, "add", "a.png")
    git(first, "commit", "--quiet", "-m", "a")
    git(first, "worktree", "add", "--quiet", str(second))
    put(second, "c.png")
    assert repository.tracked(second) == {"a.png"}
    put(around, "d.png")
    git(around, "init", "--quiet")
    git(
        around,
        "-c",
        "protocol.file.allow=always",
        "submodule",
        "add",
        "--quiet",
        str(first),
        "in/sub",
    )
    git(around, "add", "d.png")
    assert repository.tracked(around) == {".gitmodules", "d.png", "in/sub", "in/sub/a.png"}
    assert repository.tracked(around / "in") == {"sub", "sub/a.png"}
    assert repository.tracked(around / "in" / "sub") == {"a.png"}
    before = repository.index_stamp(around)
    put(around / "in" / "sub", "e.png")
    git(around / "in" / "sub", "add", "e.png")
    assert repository.index_stamp(around) != before
    shutil.rmtree(first / ".git")  # of a work tree that lost it nothing is known
    assert repository.tracked(second) is None


def test_patterns_that_are_none_are_passed_over(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    put(tmp_path, "a.png", "b.png")
    git(tmp_path, "init", "--quiet")
    (tmp_path / ".gitignore").write_bytes(b"[\n[[:foo:]]\n\xff(\nb.png\n")
    ignore = repository.ignored(tmp_path)
    assert ignore is not None
    assert (ignore("a.png"), ignore("b.png")) == (False, True)
    assert capfd.readouterr().err == ""


def test_without_a_repository_nothing_is_tracked_or_ignored(tmp_path: Path) -> None:
    assert repository.tracked(tmp_path) is None
    assert repository.ignored(tmp_path) is None
    assert repository.index_stamp(tmp_path) == "none"


@pytest.mark.parametrize("data", [b"", b"DIRC\0\0\0\2\xff\xff\xff\xff", b"\0" * 100, b"DIRC"])
def test_a_damaged_repository_is_none(tmp_path: Path, data: bytes) -> None:
    put(tmp_path, ".git/HEAD")
    (tmp_path / ".git/index").write_bytes(data)
    assert repository.tracked(tmp_path) == frozenset()
    ignore = repository.ignored(tmp_path)
    assert ignore is None or not ignore("a")


def test_no_program_of_the_repository_runs(tmp_path: Path) -> None:
    put(tmp_path, "a.md")
    git(tmp_path, "init", "--quiet")
    git(tmp_path, "add", ".")
    trap = f"touch {tmp_path}/ran"
    with (tmp_path / ".git/config").open("a") as stream:
        stream.write(f'[core]\n\tfsmonitor = "{trap}"\n\thooksPath = "{tmp_path}"\n')
    repository.tracked(tmp_path)
    ignore = repository.ignored(tmp_path)
    walk(tmp_path, ignore)
    assert not (tmp_path / "ran").exists()
