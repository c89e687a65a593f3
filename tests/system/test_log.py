"""``cxrcat log``: what was done, and whether the log is still the one that somebody saw."""

from __future__ import annotations

import json
import sqlite3

import pytest

from ..checks import check_failure
from ..conftest import Run


def numbers(cxrcat: Run, *words: str) -> list[int]:
    done = cxrcat("log", *words, "--json")
    assert (done.returncode, done.stderr) == (0, "")
    return [each["number"] for each in json.loads(done.stdout)]


def test_what_was_done_is_listed_the_newest_first(cxrcat: Run) -> None:
    cxrcat("export", "--subset", "hernia")
    cxrcat("subset", "create", "big", "--where", "mass and nodule")
    lines = cxrcat("log", "--limit", "3").stdout.splitlines()
    assert lines[0].split() == ["number", "at", "by", "kind", "subject"]
    assert [line.split()[3] for line in lines[1:]] == [
        "subset.created",
        "export.published",
        "export.prepared",
    ]
    assert lines[1].split()[0::4] == ["19", "big@1"]
    assert numbers(cxrcat) == list(range(19, 0, -1))
    assert numbers(cxrcat, "--kind", "export") == [18, 17]
    assert numbers(cxrcat, "--kind", "subset.created", "--limit", "2") == [19, 16]
    assert numbers(cxrcat, "--since", "9999-01-01") == []
    (first,) = json.loads(cxrcat("log", "--kind", "export.prepared", "--json").stdout)
    assert first["by"] == "tester"
    assert first["detail"]["destination"].endswith("/work/hernia")


def test_twenty_are_shown_and_the_rest_is_told(cxrcat: Run) -> None:
    for number in range(5):
        cxrcat("subset", "create", f"s{number}", "--where", "mass")
    done = cxrcat("log")
    assert len(done.stdout.splitlines()) == 21
    assert done.stderr == "1 older entry is not shown; --limit N shows more\n"
    assert len(numbers(cxrcat)) == 21
    done = cxrcat("log", "--kind", "nothing")
    assert (done.returncode, done.stderr) == (0, "the log has no such entry\n")


def test_a_kept_head_finds_a_cut_end_and_a_rewritten_history(
    cxrcat: Run, sqlite_location: str
) -> None:
    cxrcat("subset", "create", "one", "--where", "mass")
    done = cxrcat("log", "--verify")
    assert done.returncode == 0
    head = done.stdout.strip()
    assert head.startswith("17:")
    assert done.stderr == "17 entries, each following the one before; this is the head\n"
    cxrcat("subset", "create", "two", "--where", "nodule")
    assert cxrcat("log", "--verify", "--head", head).returncode == 0
    with sqlite3.connect(sqlite_location) as connection:
        connection.execute("DELETE FROM event WHERE id > 16")
    assert cxrcat("log", "--verify").returncode == 0
    done = cxrcat("log", "--verify", "--head", head)
    assert done.returncode == 1
    assert done.stdout == f"not on the chain: {head} (the log ends before it)\n"
    cxrcat("subset", "create", "three", "--where", "edema")
    done = cxrcat("log", "--verify", "--head", head)
    assert (done.returncode, done.stdout) == (1, f"not on the chain: {head}\n")
    found = json.loads(cxrcat("log", "--verify", "--head", head, "--json").stdout)
    assert (found["ok"], found["broken"], found["kept"]) == (False, None, False)
    assert found["head"]["number"] == 17


def test_the_first_broken_entry_is_named(cxrcat: Run, sqlite_location: str) -> None:
    with sqlite3.connect(sqlite_location) as connection:
        connection.execute("UPDATE event SET by = 'mallory' WHERE id IN (9, 5)")
    done = cxrcat("log", "--verify")
    assert (done.returncode, done.stdout) == (1, "broken: entry 5\n")
    assert json.loads(cxrcat("log", "--verify", "--json").stdout)["broken"] == 5


def test_what_the_log_holds_never_speaks_to_the_terminal(cxrcat: Run, sqlite_location: str) -> None:
    with sqlite3.connect(sqlite_location) as connection:
        connection.execute("UPDATE event SET subject = ? WHERE id = 16", ("\x1b[31m\nred",))
    done = cxrcat("log")
    assert all(line.isprintable() for line in done.stdout.splitlines())
    assert "\\x1b[31m\\nred" in done.stdout


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--head", "1:" + "0" * 32), "--verify"),
        (("--verify", "--head", "1:2"), "NUMBER:DIGEST"),
        (("--verify", "--limit", "2"), "leave out --limit"),
        (("--verify", "--since", "2026-01-01"), "leave out --limit"),
        (("--limit", "0"), "--limit"),
        (("--since", "soon"), "is no date"),
    ],
)
def test_what_cannot_be_asked(cxrcat: Run, words: tuple[str, ...], said: str) -> None:
    check_failure(cxrcat("log", *words), 2, said)
