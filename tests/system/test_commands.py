"""Every command as people and scripts meet it: help, JSON, exit codes, pipes, completion."""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import pytest

from ..checks import check_failure
from ..conftest import Run
from .conftest import COMMAND, Made, Start

GROUPS = [(), ("subset",), ("dataset",), ("labels",), ("catalog",)]
GROUPS = [(), ("subset",), ("dataset",), ("labels",), ("project",), ("use",), ("catalog",)]
COMMANDS = [
    ("export",),
    ("verify",),
    ("cite",),
    ("exports",),
    ("datasets",),
    ("doctor",),
    ("schema",),
    ("view",),
    ("subset", "list"),
    ("subset", "show"),
    ("subset", "create"),
    ("subset", "diff"),
    ("subset", "overlap"),
    ("subset", "log"),
    ("subset", "split"),
    ("dataset", "show"),
    ("dataset", "add"),
    ("labels", "list"),
    ("labels", "show"),
    ("labels", "add"),
    ("ingest",),
    ("lineage",),
    ("prov",),
    ("withdraw",),
    ("impact",),
    ("fetch",),
    ("scan",),
    ("replicas",),
    ("log",),
    ("keygen",),
    ("catalog", "copy"),
    ("catalog", "backup"),
    ("catalog", "grant"),
    ("identify",),
    ("project", "add"),
    ("project", "list"),
    ("project", "show"),
    ("use", "add"),
    ("use", "list"),
    ("use", "show"),
    ("recipe",),
    ("reproduce",),
    ("register",),
    ("audit",),
    ("audits",),
    ("report",),
]
JSON = [
    ("export", "--subset", "mass"),
    ("verify", "hernia"),
    ("exports",),
    ("datasets",),
    ("doctor",),
    ("subset", "list"),
    ("subset", "show", "hernia"),
    ("subset", "create", "x", "--where", "mass"),
    ("subset", "diff", "mass", "nodule"),
    ("subset", "log", "hernia"),
    ("subset", "split", "hernia", "--into", "a=0.5,b=0.5"),
    ("subset", "overlap", "hernia-a", "hernia-b"),
    ("dataset", "show", "nih-chest-xray"),
    ("labels", "list"),
    ("labels", "show", "nih"),
    ("lineage", "hernia"),
    ("prov", "--subset", "hernia"),
    ("view", "00000003_000.png"),
    ("impact", "--image", "00000003_000.png"),
    ("withdraw", "--image", "00000003_000.png", "--reason", "a test"),
    ("cite", "--subset", "hernia", "--explain"),
    ("scan", "hernia/citations"),
    ("replicas", "00000003_000.png"),
    ("log", "--kind", "subset"),
    ("log", "--verify"),
    ("keygen",),
    ("catalog", "backup", "backup.sqlite"),
    ("catalog", "copy", "backup.sqlite", "copy.sqlite"),
    ("identify", "hernia/metadata.csv"),
    ("project", "add", "thesis"),
    ("project", "list"),
    ("project", "show", "thesis"),
    ("use", "add", "--subset", "hernia", "--project", "thesis", "--kind", "other"),
    ("use", "list"),
    ("reproduce", "mass"),
    ("register", "mass"),
    ("audit", "hernia", "--fail-on", "never"),
    ("audits",),
    ("report",),
]


def test_the_commands_are_those_that_are_tested() -> None:
    from cxrcat.cli.app import app

    found = [(command.name,) for command in app.registered_commands]
    for group in app.registered_groups:
        assert group.typer_instance is not None
        for command in group.typer_instance.registered_commands:
            assert command.callback is not None
            found.append((group.name, command.name or command.callback.__name__))
    assert set(COMMANDS) == set(found)


@pytest.mark.parametrize("command", GROUPS + COMMANDS, ids=" ".join)
def test_help_shows_an_example(cxrcat: Run, command: tuple[str, ...]) -> None:
    done = cxrcat(*command, "--help")
    assert (done.returncode, done.stderr) == (0, "")
    example = " ".join(("$ cxrcat", *command))
    examples = done.stdout.partition("Examples:")[2]
    assert example in examples if command in COMMANDS or not command else "Commands" in done.stdout
    assert "\x1b" not in done.stdout


def test_version(cxrcat: Run) -> None:
    done = cxrcat("--version")
    assert (done.returncode, done.stderr) == (0, "")
    name, number = done.stdout.split()
    assert name == "cxrcat"
    assert number[0].isdigit()


def test_every_json_is_one_document_on_stdout(cxrcat: Run, installed: Run, made: Made) -> None:
    assert made.folder.is_dir()
    for command in JSON:
        done = installed(*command, "--json")  # so each of them imports all that it needs
        assert (done.returncode, done.stderr) == (0, ""), (command, done)
        assert json.loads(done.stdout), command
    assert json.loads(cxrcat("schema").stdout)["$id"] == "urn:cxrcat:schema:provenance:1"
    with_json = {words for words in COMMANDS if "--json" in cxrcat(*words, "--help").stdout}
    run = {command for command in COMMANDS for words in JSON if words[: len(command)] == command}
    elsewhere = {
        *(("dataset", "add"), ("labels", "add"), ("ingest",), ("fetch",)),
        *(("use", "show"), ("catalog", "grant")),
    }
    assert run | elsewhere == with_json


def test_no_json_on_stdout_when_a_command_fails(cxrcat: Run) -> None:
    check_failure(cxrcat("subset", "show", "hernai", "--json"), 2, "hernia")
    check_failure(cxrcat("verify", "nowhere", "--json"), 2, "nowhere")


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("exprt",), "export"),
        (("subset", "sow"), "show"),
        (("export", "--subset", "hernia", "--nonsense"), "--nonsense"),
        (("export", "--subset"), "--subset"),
        (("export",), "--subset"),
        (("export", "extra", "--subset", "hernia"), "extra"),
        (("export", "--subset", "hernia", "--images", "some"), "--images"),
        (("subset", "show"), "name"),
        (("subset", "create", "x"), "--where"),
        (("dataset", "show", "nih"), "nih-chest-xray"),
        (("dataset", "show", "nih-chest-xray@v2017"), "v2020"),
        (("cite",), "--subset"),
        (("cite", "nowhere"), "nowhere"),
        (("cite", "--subset", "hernia", "nowhere"), "name one"),
        (("cite", "--subset", "hernia", "--format", "ris", "--style", "apa"), "--style"),
        (("cite", "--subset", "hernia", "--format", "docx"), "--format"),
        (("cite", "--subset", "hernia", "--style", "nature"), "--style"),
        (("cite", "--subset", "hernai"), "hernia"),
        (("--catalog",), "--catalog"),
        (("subset", "create", "A B", "--where", "mass"), "cannot name a subset"),
        (("subset", "create", "x", "--where", "mass", "--note", "x" * 3000), "2000"),
    ],
    ids=lambda value: " ".join(value)[:40] if isinstance(value, tuple) else "",
)
def test_wrong_usage_is_one_line(
    cxrcat: Run, work: Path, arguments: tuple[str, ...], word: str
) -> None:
    check_failure(cxrcat(*arguments), 2, word)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("where", "word"),
    [
        ("mass and pneumotorax", "pneumothorax"),
        ("mass and and effusion", "and"),
        ("age > 'old'", "age"),
        ("view = 'XX'", "view"),
        ("(mass", "parentheses"),
        ("mass; drop table image", ""),
        ("mass and in_subset(nothing)", "unknown subset 'nothing'"),
        ("split = 'test'", "split"),
    ],
)
def test_a_wrong_question_is_marked(cxrcat: Run, where: str, word: str) -> None:
    done = cxrcat("subset", "create", "x", "--where", where)
    check_failure(done, 2, word, caret=True)
    assert done.stderr.splitlines()[1] == where


def test_groups_without_a_command_show_their_help(cxrcat: Run) -> None:
    for command in GROUPS:
        done = cxrcat(*command)
        assert done.returncode == 2
        assert "Usage: cxrcat" in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


def test_completion(cxrcat: Run) -> None:
    def complete(*words: str) -> list[str]:
        env = {
            "_CXRCAT_COMPLETE": "complete_bash",
            "COMP_WORDS": "\n".join(words),
            "COMP_CWORD": str(len(words) - 1),
        }
        done = cxrcat(env=env)
        assert done.stderr == ""
        return done.stdout.split()

    assert complete("cxrcat", "ex") == ["export", "exports"]
    assert complete("cxrcat", "subset", "") == [
        *("list", "show", "create", "split", "diff", "overlap", "log"),
    ]
    assert complete("cxrcat", "export", "--allow-m") == ["--allow-missing"]
    assert complete("cxrcat", "cite", "--format", "b") == ["bibtex"]
    script = cxrcat(env={"_CXRCAT_COMPLETE": "source_bash"}).stdout
    subprocess.run(["bash", "-n"], input=script, text=True, check=True)
    assert "complete " in script


def test_colours_only_where_they_are_wanted(cxrcat: Run) -> None:
    command = f"{COMMAND} subset list; {COMMAND} export --help"

    def shown(**env: str) -> str:
        done = subprocess.run(
            ["script", "--quiet", "--return", "--command", command, "/dev/null"],
            env={key: value for key, value in os.environ.items() if key != "NO_COLOR"}
            | {"CXRCAT_CATALOG": _location(cxrcat), "TERM": "xterm-256color"}
            | env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert "pneumothorax" in done.stdout, done
        return done.stdout

    assert "\x1b[" in shown()
    plain = shown(NO_COLOR="1")
    assert not any(f"\x1b[{code}" in plain for code in ("3", "4", "38", "1;3"))
    assert "\x1b" not in cxrcat("subset", "list", env={"TERM": "xterm-256color"}).stdout


def _location(cxrcat: Run) -> str:
    return str(json.loads(cxrcat("doctor", "--json").stdout)["catalog"])


@pytest.mark.parametrize("command", [("subset", "list"), ("schema",), ("datasets", "--json")])
def test_a_reader_that_goes_away_is_no_error(start: Start, command: tuple[str, ...]) -> None:
    reader, writer = os.pipe()
    os.close(reader)
    process = start(*command, stdout=writer)
    os.close(writer)
    assert process.communicate() == (None, "")
    assert process.returncode == 0


def test_head_takes_what_it_wants(cxrcat: Run) -> None:
    where = (COMMAND, _location(cxrcat))
    done = subprocess.run(
        ["bash", "-c", '"$0" --catalog "$1" dataset show nih-chest-xray --json | head -1', *where],
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("{\n", "")


@pytest.mark.parametrize("command", [("subset", "list"), ("export", "--subset", "hernia")])
def test_a_full_disk_on_stdout(start: Start, command: tuple[str, ...]) -> None:
    with Path("/dev/full").open("w") as full:
        process = start(*command, stdout=full)
    _, said = process.communicate()
    assert process.returncode == 3
    assert said.splitlines()[-1] == (
        "cxrcat: standard output: cannot be used: No space left on device"
    )


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_closed_streams(cxrcat: Run, work: Path, closed: str) -> None:
    location = _location(cxrcat)
    done = subprocess.run(
        ["bash", "-c", f'"$0" --catalog "$1" export --subset hernia {closed}', COMMAND, location],
        cwd=work,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr
    assert (work / "hernia" / "provenance.json").is_file()


def test_the_same_question_is_recorded_once(cxrcat: Run) -> None:
    def create(where: str) -> str:
        done = cxrcat("subset", "create", "adults", "--where", where)
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    assert create("pneumothorax and age >= 18") == "adults@1"
    assert create("AGE > 17 and (Pneumothorax)") == "adults@1"
    assert create("pneumothorax and age >= 21") == "adults@2"
    shown = json.loads(cxrcat("subset", "show", "adults@1", "--json").stdout)
    assert shown["images"] == shown["funnel"][-1]["images"]
    assert "@2" in cxrcat("subset", "list").stdout


def test_a_lost_export_is_a_finding_of_the_doctor(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "hernia").returncode == 0
    assert cxrcat("doctor").returncode == 0
    (work / "hernia").rename(work / "moved")
    done = cxrcat("doctor")
    assert done.returncode == 1
    assert "no longer at" in done.stdout


@pytest.mark.parametrize(
    "command",
    [
        ("project", "show"), ("use", "list", "--project"), ("use", "show"), ("log", "--kind"),
        ("audits", "--project"), ("view",),
    ],
)  # fmt: skip
def test_a_name_of_bytes_that_are_no_text_is_wrong_use(
    cxrcat: Run, command: tuple[str, ...]
) -> None:
    check_failure(cxrcat(*command, "abcd\udcff"), 2, "'abcd\\udcff'", "no text")
