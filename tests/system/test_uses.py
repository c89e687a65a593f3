"""Projects and uses through the installed command, and runs through real training scripts."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from ..checks import check_export, check_failure
from ..conftest import Run
from ..gates import free_port
from .conftest import Start
from .test_concurrency import wait_for

HERNIA = "00000003_000.png"


def listed(cxrcat: Run, *arguments: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = json.loads(cxrcat("use", "list", "--json", *arguments).stdout)
    return found


def train(work: Path, body: str, catalog: str, **env: str) -> subprocess.CompletedProcess[str]:
    """Run a script of a user's own, with warnings as errors."""
    script = work / "train.py"
    script.write_text(body)
    return subprocess.run(
        [sys.executable, "-W", "error", script],
        cwd=work,
        env={**os.environ, "CXRCAT_CATALOG": catalog, **env},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )


TRAIN = """\
from cxrcat.catalog import training
with training(project="thesis", export="hernia") as use:
    with open("model.pt", "w") as stream:
        stream.write("weights")
    use.artifact("model.pt")
print(use.id)
"""


def test_from_export_to_withdrawal(cxrcat: Run, work: Path) -> None:
    assert cxrcat("export", "--subset", "hernia", "--project", "thesis").returncode == 0
    (work / "model.pt").write_text("weights")
    command = ("use", "add", "--export", "hernia", "--project", "thesis", "--kind", "training")
    done = cxrcat(*command, "--artifact", "model.pt", "--contact", "ada@example.org")
    assert done.returncode == 0, done
    assert done.stderr == "recorded: a training of thesis on hernia@1\n"
    key, title, *duties = done.stdout.splitlines()
    assert title == "owes:"
    assert any("https://nihcc.app.box.com/v/ChestXray-NIHCC" in line for line in duties)
    assert any("https://doi.org/10.1109/CVPR.2017.369" in line for line in duties)
    assert any("NIH Clinical Center" in line for line in duties)
    again = cxrcat(*command, "--artifact", "model.pt", "--contact", "ada@example.org")
    assert again.stderr.startswith("already recorded: ")
    assert again.stdout == done.stdout
    assert [each["id"] for each in listed(cxrcat)] == [key]
    shown = cxrcat("use", "show", key[:8])
    assert str(work / "model.pt") in shown.stdout
    document = json.loads(cxrcat("use", "show", key, "--json").stdout)
    assert (document["use"]["id"], len(document["duties"])) == (key, 3)
    report = json.loads(cxrcat("project", "show", "thesis", "--json").stdout)
    assert [each["id"] for each in report["uses"]] == [key]
    assert [each["subset"] for each in report["exports"]] == ["hernia"]
    assert {each["id"] for each in report["duties"]} == {
        "nih-link", "nih-citation", "nih-acknowledgement",
    }  # fmt: skip
    assert "owes:" in cxrcat("project", "show", "thesis").stdout
    assert cxrcat("withdraw", "--image", HERNIA, "--reason", "damaged").returncode == 0
    impact = cxrcat("impact", "--image", HERNIA)
    assert re.search(
        rf"use {key[:8]} +training on hernia@1 .*model.pt +thesis +ada@", impact.stdout
    )
    assert "1 images of this slice were withdrawn" in cxrcat("use", "show", key).stderr
    for form in ("tree", "mermaid", "dot", "json"):
        assert key[:8] in cxrcat("lineage", "hernia@1", "--format", form).stdout
    assert json.loads(cxrcat("doctor", "--json").stdout)["uses"] == 1


def test_projects(cxrcat: Run, work: Path) -> None:
    assert cxrcat("project", "add", "thesis", "--path", ".").stderr == "thesis: recorded\n"
    assert cxrcat("project", "add", "thesis", "--title", "T").stderr == "thesis: changed\n"
    assert cxrcat("project", "add", "thesis").stderr == "thesis: already recorded\n"
    (found,) = json.loads(cxrcat("project", "list", "--json").stdout)
    assert (found["title"], found["path"]) == ("T", str(work))
    assert "owes nothing yet" in cxrcat("project", "show", "thesis").stdout


@pytest.mark.parametrize(
    ("command", "said"),
    [
        (("project", "add", "The Thesis"), "cannot name a project"),
        (("project", "add", "x", "--path", "nowhere"), "no such folder"),
        (("project", "show", "x"), "unknown project 'x'"),
        (("use", "show", "0000"), "unknown use"),
        (("use", "list", "--project", "x"), "unknown project"),
        (("use", "list", "--kind", "x"), "Invalid value"),
        (("use", "add", "--project", "x", "--kind", "other", "--subset", "mass"), "project 'x'"),
        (("use", "add", "--project", "x", "--kind", "other"), "--export ID"),
        (("use", "add", "--project", "x", "--kind", "other", "--export", "a\x1b[31m"), "unknown"),
    ],
)  # fmt: skip
def test_what_is_wrong_is_one_line(
    cxrcat: Run, work: Path, command: tuple[str, ...], said: str
) -> None:
    check_failure(cxrcat(*command), 2, said)
    assert list(work.iterdir()) == []


@pytest.mark.parametrize(
    ("kind", "said"), [("evaluation", "an evaluation"), ("other", "another use")]
)
def test_a_kind_is_said_as_a_sentence_has_it(cxrcat: Run, kind: str, said: str) -> None:
    cxrcat("project", "add", "thesis")
    done = cxrcat("use", "add", "--subset", "mass", "--project", "thesis", "--kind", kind)
    assert done.stderr == f"recorded: {said} of thesis on mass@1\n"


def test_hostile_bytes_do_not_reach_the_terminal(cxrcat: Run, work: Path) -> None:
    cxrcat("project", "add", "thesis")
    (work / "a\nb").write_text("x")
    done = cxrcat(
        "use", "add", "--subset", "mass", "--project", "thesis", "--kind", "other",
        "--artifact", "a\nb",
    )  # fmt: skip
    check_failure(done, 2, "cannot be printed")
    done = cxrcat(
        "use", "add", "--subset", "mass", "--project", "thesis", "--kind", "other",
        "--artifact", b"\xff.pt".decode(errors="surrogateescape"),
    )  # fmt: skip
    check_failure(done, 2)
    assert listed(cxrcat) == []


def test_a_script_is_recorded(cxrcat: Run, work: Path, sqlite_location: str) -> None:
    cxrcat("export", "--subset", "hernia", "--project", "thesis")
    done = train(work, TRAIN, sqlite_location)
    assert (done.returncode, done.stderr) == (0, ""), done
    (use,) = listed(cxrcat, "--project", "thesis")
    assert use["id"] == done.stdout.strip()
    assert use["artifacts"][0]["checksum"]


FORKED = """\
import os, sys
from cxrcat.catalog import training
use = training(project="thesis", subset="hernia")
for epoch in ("one", "two"):
    with use:
        if (child := os.fork()) == 0:
            sys.exit(1)
        os.waitpid(child, 0)
        use.artifact(f"https://example.org/{epoch}")
"""


def test_every_block_is_a_use_of_its_own_and_forks_are_none(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    cxrcat("project", "add", "thesis")
    done = train(work, FORKED, sqlite_location)
    assert (done.returncode, done.stderr) == (0, "")
    found = [
        (each["outcome"], *(one["place"] for one in each["artifacts"])) for each in listed(cxrcat)
    ]
    assert sorted(found) == [
        ("completed", "https://example.org/one"),
        ("completed", "https://example.org/two"),
    ]


def test_a_script_without_its_catalog_is_recorded_later(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    cxrcat("export", "--subset", "hernia", "--project", "thesis")
    catalog = Path(sqlite_location)
    away = catalog.rename(catalog.with_suffix(".away"))
    done = train(work, TRAIN, sqlite_location)
    assert done.returncode == 0, done
    assert "Traceback" not in done.stderr
    assert "the use waits in" in done.stderr
    away.rename(catalog)
    assert [each["id"] for each in listed(cxrcat)] == [done.stdout.strip()]
    assert json.loads(cxrcat("doctor", "--json").stdout)["problems"] == []


def test_an_interrupt_while_the_artefacts_are_read_loses_no_use(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    cxrcat("project", "add", "thesis")
    body = """\
import os, signal, threading
from cxrcat.catalog import training
with open("large.pt", "wb") as stream:
    stream.truncate(1 << 40)  # a hole, which takes minutes to read and no room
with training(project="thesis", subset="hernia") as use:
    use.artifact("large.pt")
    print(use.id, flush=True)
    threading.Timer(1, os.kill, (os.getpid(), signal.SIGINT)).start()
"""
    done = train(work, body, sqlite_location)
    assert "KeyboardInterrupt" in done.stderr, done
    assert "the use waits in" in done.stderr
    (use,) = listed(cxrcat)
    assert (use["id"], use["outcome"]) == (done.stdout.strip(), "completed")


def test_many_commands_take_the_spool_in_once(
    cxrcat: Run, start: Start, work: Path, sqlite_location: str
) -> None:
    cxrcat("project", "add", "thesis")
    catalog = Path(sqlite_location)
    away = catalog.rename(catalog.with_suffix(".away"))
    body = """\
import logging
from cxrcat.catalog import training
logging.getLogger("cxrcat").disabled = True
for number in range(40):
    with training(project="thesis", subset="hernia") as use:
        pass
    print(use.id)
"""
    done = train(work, body, sqlite_location)
    assert done.returncode == 0, done
    away.rename(catalog)
    started = [start("use", "list", "--json") for _ in range(6)]
    for each in wait_for(started):
        assert each.returncode == 0, each
        assert each.stderr == ""
    assert sorted(use["id"] for use in listed(cxrcat)) == sorted(done.stdout.split())
    health = json.loads(cxrcat("doctor", "--json").stdout)
    assert (health["uses"], health["problems"]) == (40, [])


def test_a_command_that_is_killed_while_it_takes_in_loses_and_doubles_nothing(
    cxrcat: Run, start: Start, work: Path, sqlite_location: str
) -> None:
    cxrcat("project", "add", "thesis")
    catalog = Path(sqlite_location)
    away = catalog.rename(catalog.with_suffix(".away"))
    body = """\
import logging
from cxrcat.catalog import training
logging.getLogger("cxrcat").disabled = True
for number in range(30):
    with training(project="thesis", subset="hernia") as use:
        pass
    print(use.id)
"""
    done = train(work, body, sqlite_location)
    away.rename(catalog)
    for pause in (0.5, 0.6, 0.7, 0.8, 0.9):
        process = start("use", "list")
        time.sleep(pause)
        process.send_signal(signal.SIGKILL)
        process.wait()
    assert sorted(use["id"] for use in listed(cxrcat)) == sorted(done.stdout.split())


def test_the_folder_of_the_spool_is_looked_for_once(cxrcat: Run) -> None:
    """A command without a spool neither makes one nor reads anything of it."""
    assert cxrcat("use", "list").returncode == 0
    assert not (Path(os.environ["XDG_DATA_HOME"]) / "cxrcat").exists()


def test_an_endpoint_that_is_away_is_one_warning(cxrcat: Run, work: Path) -> None:
    url = f"http://127.0.0.1:{free_port()}"
    done = cxrcat("export", "--subset", "hernia", env={"CXRCAT_OPENLINEAGE": url})
    assert done.returncode == 0, done
    warnings = [line for line in done.stderr.splitlines() if "warning" in line]
    assert len(warnings) == 1
    assert warnings[0].startswith("cxrcat: warning: OpenLineage was not told: ")
    assert len(done.stderr.splitlines()) == 4
    check_export(work / "hernia")


def test_neither_mlflow_nor_openlineage_is_imported_unasked(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    cxrcat("export", "--subset", "hernia", "--project", "thesis")
    body = TRAIN + (
        "import sys\n"
        "assert not {'mlflow', 'openlineage'} & {name.partition('.')[0] for name in sys.modules}\n"
    )
    done = train(work, body, sqlite_location)
    assert done.returncode == 0, done


MLFLOW = """\
import sys
import mlflow
from cxrcat.catalog import training
mlflow.set_tracking_uri("sqlite:///mlflow.db")
if sys.argv[1:] == []:
    with mlflow.start_run() as run:
        with training(project="thesis", export="hernia", kind="evaluation") as use:
            pass
    with training(project="thesis", subset="mass") as other:
        with mlflow.start_run() as inner:
            pass
    with training(project="thesis", subset="mass"):
        pass  # the run before is not this one's
found = mlflow.get_run(run.info.run_id).inputs.dataset_inputs
(one,) = found
tags = {tag.key: tag.value for tag in one.tags}
source = mlflow.data.get_source(one)
(second,) = mlflow.get_run(inner.info.run_id).inputs.dataset_inputs
import json
print(json.dumps({
    "name": one.dataset.name, "digest": one.dataset.digest, "tags": tags, "use": use.id,
    "source": [type(source).__name__, json.loads(one.dataset.source)],
    "profile": json.loads(one.dataset.profile), "second": second.dataset.name,
    "third": other.id, "context": mlflow.get_run(inner.info.run_id).inputs.dataset_inputs[0]
    .tags[0].value,
}))
"""


def test_mlflow_run_has_the_slice_among_its_inputs(
    cxrcat: Run, work: Path, sqlite_location: str
) -> None:
    manifest = json.loads(
        cxrcat("export", "--subset", "hernia", "--project", "thesis", "--json").stdout
    )["provenance"]
    script = work / "train.py"
    script.write_text(MLFLOW)
    done = subprocess.run(
        [sys.executable, script],
        cwd=work,
        env={**os.environ, "CXRCAT_CATALOG": sqlite_location},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.returncode == 0, done.stderr
    assert "cxrcat:" not in done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    assert found["name"] == "nih-chest-xray/hernia@1"
    assert f"xxh128:{found['digest']}" == manifest["subset"]["digest"]
    assert found["source"] == ["LocalArtifactDatasetSource", {"uri": str(work / "hernia")}]
    assert found["profile"] == {"images": 227, "patients": 134}
    assert found["tags"] == {
        "mlflow.data.context": "evaluation",
        "cxrcat.dataset": "nih-chest-xray@v2020",
        "cxrcat.subset": "hernia@1",
        "cxrcat.digest": manifest["subset"]["digest"],
        "cxrcat.query": manifest["subset"]["query"],
        "cxrcat.export": manifest["export"]["id"],
        "cxrcat.project": "thesis",
        "cxrcat.use": found["use"],
    }
    assert found["second"] == "nih-chest-xray/mass@1"
    assert {use["kind"] for use in listed(cxrcat)} == {"evaluation", "training"}


def test_an_mlflow_that_fails_breaks_nothing(cxrcat: Run, work: Path, sqlite_location: str) -> None:
    cxrcat("export", "--subset", "hernia", "--project", "thesis")
    body = """\
import mlflow, os
from cxrcat.catalog import training
mlflow.set_tracking_uri("sqlite:///mlflow.db")
mlflow.start_run()
mlflow.set_tracking_uri("sqlite:///train.py/mlflow.db")  # under a file
with training(project="thesis", export="hernia") as use:
    done = True
print(use.recorded, done)
os._exit(0)
"""
    script = work / "train.py"
    script.write_text(body)
    done = subprocess.run(
        [sys.executable, script],
        cwd=work,
        env={**os.environ, "CXRCAT_CATALOG": sqlite_location, "PYTHONUNBUFFERED": "1"},
        capture_output=True,
        text=True,
        check=False,
        timeout=180,
    )
    assert done.stdout.splitlines()[-1] == "True True", done
    assert "MLflow was not told" in done.stderr
    assert len(listed(cxrcat)) == 1
