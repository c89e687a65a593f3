"""What readers, contributors and stewards of a catalog on a real server can and cannot do."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg import sql
from sqlalchemy.engine import make_url
from sqlmodel import SQLModel

from cxrcat.catalog import Catalog
from cxrcat.catalog.rights import Right, Role, least, rights_of

from ..catalog.labels import expert
from ..checks import check_export, check_failure, names_with
from ..conftest import Run
from .conftest import Made

ODD = 'o\'neil "x"; DROP TABLE event; -- %s'
PEOPLE = {"reader": "rea", "contributor": "con", "steward": "ste", "": "newcomer", "odd": ODD}

READING = [
    ("datasets",),
    ("dataset", "show", "nih-chest-xray"),
    ("subset", "list"),
    ("subset", "show", "hernia"),
    ("subset", "diff", "mass", "nodule"),
    ("subset", "overlap", "mass", "nodule"),
    ("subset", "log", "hernia"),
    ("labels", "list"),
    ("labels", "show", "nih"),
    ("lineage", "hernia"),
    ("impact", "--image", "00000003_000.png"),
    ("exports",),
    ("replicas", "00000003_000.png"),
    ("view", "00000003_000.png"),
    ("cite", "--subset", "hernia"),
    ("verify", "hernia"),
    ("doctor",),
    ("log",),
    ("prov", "--subset", "hernia"),
    ("recipe", "hernia"),
    ("reproduce", "hernia"),
    ("identify", "hernia/metadata.csv"),
    ("project", "list"),
    ("use", "list"),
    ("audit", "hernia", "--no-record", "--fail-on", "never"),
    ("audits",),
    ("report", "--json"),
    ("catalog", "backup", "backup.sqlite"),
    ("catalog", "grant", "--role", "reader", "newcomer"),
]
CONTRIBUTING = [
    ("export", "--subset", "edema"),
    ("export", "--subset", "mass", "--project", "screening"),
    ("subset", "create", "elders", "--where", "age > 90"),
    ("subset", "split", "hernia", "--into", "a=0.5,b=0.5"),
    ("scan", "hernia/images"),
    ("project", "add", "thesis"),
    ("audit", "hernia", "--fail-on", "never"),
]
STEWARDING = [
    ("withdraw", "--image", "00000003_000.png", "--reason", "a test"),
    ("dataset", "add", "{descriptor}"),
    ("catalog", "grant", "--role", "contributor", "newcomer", "--apply"),
]


@dataclass(frozen=True)
class Lab:
    """A catalog on a server: its owner's URL, and that of each person by role."""

    owner: str
    urls: dict[str, str]

    def ask(self, who: str, statement: str) -> list[tuple[Any, ...]]:
        url = make_url(self.urls.get(who, self.owner)).set(drivername="postgresql")
        with psycopg.connect(url.render_as_string(hide_password=False)) as connection:
            cursor = connection.execute(statement.encode())
            return cursor.fetchall() if cursor.description else []


@pytest.fixture(scope="module")
def people(postgresql: Callable[[str | None], str]) -> None:
    """Make the users of the server, who are the same for all its databases."""
    with psycopg.connect(postgresql(None), autocommit=True) as connection:
        for name in PEOPLE.values():
            connection.execute(sql.SQL("CREATE ROLE {} LOGIN").format(sql.Identifier(name)))


def _made(owner: str) -> Lab:
    with Catalog.open(owner) as catalog:
        for role in Role:
            catalog.grant(PEOPLE[role], role, apply=True)
    return Lab(owner, {role: as_user(owner, name) for role, name in PEOPLE.items()})


def as_user(url: str, name: str) -> str:
    return make_url(url).set(username=name).render_as_string(hide_password=False)


@pytest.fixture
def lab(
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
    people: None,  # noqa: ARG001
) -> Lab:
    """Return a fresh catalog with somebody in each role."""
    return _made(postgresql(postgresql_template))


@pytest.fixture(scope="module")
def lasting_lab(
    postgresql: Callable[[str | None], str],
    postgresql_template: str,
    people: None,  # noqa: ARG001
) -> Lab:
    """Return one for tests that leave nothing behind."""
    return _made(postgresql(postgresql_template))


def contents(lab: Lab) -> list[int]:
    return [
        lab.ask("owner", f'SELECT count(*) FROM "{name}"')[0][0]  # noqa: S608 - our own names
        for name in SQLModel.metadata.tables
    ]


def filled(command: tuple[str, ...], added: Path) -> list[str]:
    return [word.replace("{descriptor}", str(added)) for word in command]


def test_every_table_has_been_thought_of() -> None:
    """A new table is somebody's to write: say whose, in catalog/rights.py."""
    given = {right.table for right in rights_of(Role.STEWARD) if right.privilege == "INSERT"}
    assert given == set(SQLModel.metadata.tables)
    for right in rights_of(Role.STEWARD):
        columns = SQLModel.metadata.tables[right.table].columns
        assert set(right.columns) <= set(columns.keys())
        if right.table != "facet":  # an earlier split's is renamed
            assert not set(right.columns) & set(columns.keys()).intersection(
                column.name for column in columns if column.primary_key
            )
    assert least(Right("SELECT", "event")) is Role.READER
    assert least(Right("INSERT", "export")) is Role.CONTRIBUTOR
    assert least(Right("INSERT", "withdrawal")) is Role.STEWARD
    assert least(Right("DELETE", "event")) is None


@pytest.mark.parametrize("role", Role)
def test_every_command_under_each_role(
    lab: Lab, cxrcat: Run, made: Made, added: Path, work: Path, role: Role
) -> None:
    catalog = ("--catalog", lab.urls[role])
    for command in READING:
        done = cxrcat(*catalog, *command)
        assert done.returncode == 0, done
    with_health = json.loads(cxrcat("--catalog", "backup.sqlite", "doctor", "--json").stdout)
    assert with_health["problems"] == []
    for least_role, commands in ((Role.CONTRIBUTOR, CONTRIBUTING), (Role.STEWARD, STEWARDING)):
        may = list(Role).index(role) >= list(Role).index(least_role)
        for command in commands:
            before = (contents(lab), sorted(work.rglob("*")))
            done = cxrcat(*catalog, *filled(command, added))
            if may:
                # A scan says that most images of the dataset are not here.
                assert done.returncode == (1 if command[0] == "scan" else 0), done
                continue
            line = check_failure(done, 3, f"your role '{PEOPLE[role]}' ")
            if "grant" not in command:
                assert "has no right to INSERT on " in line
                assert "; ask its owner 'postgres' or a steward ('ste') for: " in line
                role_needed = f"--role {least_role} {PEOPLE[role]} --apply"
                assert line.endswith(f"cxrcat catalog grant {role_needed}"), line
            assert (contents(lab), sorted(work.rglob("*"))) == before
    health = json.loads(cxrcat(*catalog, "doctor", "--json").stdout)
    assert health["problems"] == []
    assert made.folder.is_dir()


def test_a_stranger_is_told_whom_to_ask(lab: Lab, cxrcat: Run) -> None:
    done = cxrcat("--catalog", lab.urls[""], "subset", "list")
    line = check_failure(done, 3, "your role 'newcomer' has no right to SELECT on ")
    assert line.endswith("for: cxrcat catalog grant --role reader newcomer --apply")


def test_nobody_can_make_a_catalog_without_the_right(
    postgresql: Callable[[str | None], str],
    people: None,  # noqa: ARG001
    cxrcat: Run,
) -> None:
    url = as_user(postgresql(None), "newcomer")
    line = check_failure(cxrcat("--catalog", url, "datasets"), 3, "your role 'newcomer' may not ")
    assert "ask the owner of the database" in line


def test_an_upgrade_is_for_the_owner(lab: Lab, cxrcat: Run) -> None:
    lab.ask("owner", "UPDATE alembic_version SET version_num = '0002'")
    lab.ask("owner", "ALTER TABLE replica DROP COLUMN version, DROP COLUMN modified")
    done = cxrcat("--catalog", lab.urls["steward"], "datasets")
    line = check_failure(done, 3, "your role 'ste' may not change its tables", "older cxrcat")
    assert "its owner 'postgres' brings them up" in line


@pytest.mark.parametrize("role", Role)
@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE event SET by = 'mallory'",
        "DELETE FROM event",
        "TRUNCATE event",
        "UPDATE subset SET note = 'x'",
        "UPDATE subset SET members = ''",
        "DELETE FROM subset",
        "UPDATE export SET destination = '/x'",
        "UPDATE export SET checksum = 'x'",
        "DELETE FROM export",
        "DELETE FROM replica",
        "UPDATE replica SET ordinal = 1",
        "UPDATE withdrawal SET reason = 'x'",
        "DELETE FROM withdrawal",
        "UPDATE image SET age = 1",
        "DELETE FROM dataset",
        "UPDATE dataset SET version = 'x'",
        "UPDATE finding SET members = ''",
        "DELETE FROM label_set",
        "UPDATE \"use\" SET kind = 'x'",
        'DELETE FROM "use"',
        "DROP TABLE event",
        "UPDATE alembic_version SET version_num = '9'",
        "CREATE TABLE mine (x int)",
    ],
)
def test_history_is_nobodys_to_change(lasting_lab: Lab, role: Role, statement: str) -> None:
    with pytest.raises(psycopg.errors.InsufficientPrivilege):
        lasting_lab.ask(role, statement)


def test_a_steward_gives_roles_and_a_contributor_does_not(
    lab: Lab, cxrcat: Run, work: Path
) -> None:
    grant = ("catalog", "grant", "newcomer", "--apply", "--role")
    before = contents(lab)
    for who in ("reader", "contributor"):
        done = cxrcat("--catalog", lab.urls[who], *grant, "reader")
        check_failure(done, 3, "may not give roles; ask its owner 'postgres' or a steward ('ste')")
        assert not lab.ask("owner", "SELECT 1 FROM pg_class WHERE relacl::text LIKE '%newcomer%'")
    done = cxrcat("--catalog", lab.urls["steward"], *grant, "reader")
    assert done.returncode == 0
    assert "let the owner 'postgres' grant it again" in done.stderr
    assert cxrcat("--catalog", lab.urls[""], "subset", "show", "hernia").returncode == 0
    check_failure(cxrcat("--catalog", lab.urls[""], "export", "--subset", "hernia"), 3)
    assert cxrcat("--catalog", lab.urls["steward"], *grant, "steward").returncode == 0
    assert cxrcat("--catalog", lab.urls[""], "export", "--subset", "hernia").returncode == 0
    check_export(work / "hernia")
    assert contents(lab) != before


def test_a_lower_role_takes_rights_away(lab: Lab, cxrcat: Run) -> None:
    grant = ("catalog", "grant", "con", "--apply", "--role")
    done = cxrcat("--catalog", lab.urls["steward"], *grant, "reader")
    check_failure(done, 3, "'con' would keep the right to ", "ask the owner")
    assert cxrcat("--catalog", lab.owner, *grant, "reader").returncode == 0
    check_failure(cxrcat("--catalog", lab.urls["contributor"], "export", "--subset", "mass"), 3)
    assert cxrcat("--catalog", lab.urls["contributor"], "subset", "list").returncode == 0


def test_what_is_printed_is_what_is_applied(lab: Lab, cxrcat: Run) -> None:
    """Give the printed SQL to the server as it is, for a name made to break out of it."""
    grant = ("--catalog", lab.owner, "catalog", "grant", "--role", "contributor", ODD)
    done = cxrcat(*grant)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("BEGIN;\n")
    assert done.stdout.endswith(";\nCOMMIT;\n")
    document = json.loads(cxrcat(*grant, "--json").stdout)
    assert document["applied"] is False
    assert [f"{each};" for each in document["statements"]] == done.stdout.splitlines()[1:-1]
    check_failure(cxrcat("--catalog", lab.urls["odd"], "datasets"), 3, "has no right to SELECT")
    lab.ask("owner", done.stdout)
    assert cxrcat("--catalog", lab.urls["odd"], "export", "--subset", "hernia").returncode == 0
    assert cxrcat(*grant, "--apply").returncode == 0
    assert lab.ask("owner", "SELECT count(*) > 0 FROM event") == [(True,)]


@pytest.mark.parametrize(
    ("user", "code", "words"),
    [
        ("public", 2, "stands for everybody"),
        ("postgres", 2, "owns the catalog"),
        ("nobody", 2, "unknown user of the server 'nobody'"),
        ("", 2, "cannot be the name of a user"),
        ("a\nb", 2, "cannot be the name of a user"),
        ("é" * 40, 2, "cannot be the name of a user"),
    ],
)
def test_whom_a_role_cannot_be_given(
    lab: Lab, cxrcat: Run, user: str, code: int, words: str
) -> None:
    grant = ("catalog", "grant", "--role", "reader", "--apply", "--", user)
    check_failure(cxrcat("--catalog", lab.owner, *grant), code, words)


def test_a_file_has_no_users(cxrcat: Run) -> None:
    done = cxrcat("catalog", "grant", "--role", "reader", "ada")
    check_failure(done, 2, "SQLite has no users")


def test_a_user_who_is_not_there_yet(lab: Lab, cxrcat: Run) -> None:
    done = cxrcat("--catalog", lab.owner, "catalog", "grant", "--role", "reader", "ada")
    assert done.returncode == 0
    assert "the server has no user 'ada' yet" in done.stderr
    assert 'TO "ada"' in done.stdout


def test_a_reader_waits_for_no_writer(lab: Lab, cxrcat: Run) -> None:
    """Also while the package has a newer descriptor, which only a steward may bring in."""
    lab.ask("owner", "UPDATE dataset SET descriptor_checksum = 'xxh128:" + "0" * 32 + "'")
    lab.ask(
        "owner",
        """UPDATE dataset SET descriptor =
        regexp_replace(descriptor, '"revision":\\d+', '"revision":1')""",
    )
    url = make_url(lab.owner).set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(url) as connection:
        connection.execute("SELECT pg_advisory_xact_lock(%s)", [0x63787263])
        assert cxrcat("--catalog", lab.urls["reader"], "datasets", timeout=30).returncode == 0
    before = contents(lab)
    assert cxrcat("--catalog", lab.urls["contributor"], "datasets").returncode == 0
    assert contents(lab) == before
    assert cxrcat("--catalog", lab.urls["steward"], "datasets").returncode == 0
    assert contents(lab) != before


def test_newer_files_of_a_label_set_are_a_stewards(lab: Lab, cxrcat: Run, work: Path) -> None:
    one, other = names_with("Hernia")[:2]
    add = ("labels", "add", "expert4", "test_labels.csv")
    expert.four_labels(work / "test_labels.csv", {one: {"Pneumothorax": "YES"}})
    check_failure(cxrcat("--catalog", lab.urls["reader"], *add), 3, "INSERT on label_set")
    assert cxrcat("--catalog", lab.urls["contributor"], *add).returncode == 0
    expert.four_labels(work / "test_labels.csv", {other: {"Pneumothorax": "YES"}})
    before = contents(lab)
    line = check_failure(cxrcat("--catalog", lab.urls["contributor"], *add), 3)
    assert "has no right to UPDATE on label_set" in line
    assert line.endswith("for: cxrcat catalog grant --role steward con --apply")
    assert contents(lab) == before
    assert cxrcat("--catalog", lab.urls["steward"], *add).returncode == 0
