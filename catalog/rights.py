"""Who may do what in a catalog on PostgreSQL, and the words for whoever may not.

The server keeps the rights; a catalog in SQLite has none but those of its file. History cannot be
changed by any role: events, subsets and withdrawals are added and never altered.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

import sqlalchemy as sa
from sqlmodel import Session

from ..schemas.errors import CatalogError
from .store import Store

_REPLICA = (
    *("source", "size", "checksum", "version", "stored", "modified", "inode", "problem"),
    *("study", "series", "instance", "at"),
)
_CHANGES = re.compile(
    r'\s*(?:(INSERT) INTO|(DELETE) FROM|(UPDATE)|SELECT.*?\bFROM)\s+"?(\w+)', re.DOTALL
)


class Role(StrEnum):
    """What somebody is to a shared catalog; each may do what those before it may."""

    READER = "reader"
    CONTRIBUTOR = "contributor"
    STEWARD = "steward"


@dataclass(frozen=True, slots=True)
class Right:
    """A privilege on a table, or on some columns of it."""

    privilege: str
    table: str
    columns: tuple[str, ...] = ()

    def words(self) -> str:
        """Return the right as SQL names it."""
        columns = f" ({', '.join(self.columns)})" if self.columns else ""
        return f"{self.privilege}{columns} on {self.table}"


_GIVEN = {
    Role.CONTRIBUTOR: (
        *(
            Right("INSERT", table)
            for table in (
                *("subset", "export", "project", "use", "use_artifact", "event", "replica"),
                "audit",
                *("label_set", "finding", "reading", "facet", "fingerprint"),
            )
        ),
        Right("UPDATE", "export", ("state",)),
        Right("UPDATE", "project", ("title", "path", "host", "contact", "note")),
        Right("UPDATE", "use", ("contact", "note")),
        Right("UPDATE", "replica", _REPLICA),
        # A fingerprint is no history: it is computed again, and goes when the bytes changed.
        Right("UPDATE", "fingerprint", ("bits",)),
        Right("DELETE", "fingerprint"),
    ),
    Role.STEWARD: (
        *(
            Right("INSERT", table)
            for table in ("dataset", "image", "patient_index", "box", "withdrawal")
        ),
        Right("UPDATE", "dataset", ("title", "is_default", "descriptor", "descriptor_checksum")),
        # Newer files take a set's place: the earlier one is renamed.
        Right("UPDATE", "label_set", ("slug",)),
        Right("UPDATE", "facet", ("field",)),
    ),
}

EVENT = Right("INSERT", "event")
SUBSET = (Right("INSERT", "subset"), EVENT)
EXPORT = (Right("INSERT", "export"), Right("UPDATE", "export", ("state",)), EVENT)
AUDIT = (Right("INSERT", "audit"), EVENT)
REPLICA = (Right("INSERT", "replica"), Right("UPDATE", "replica", _REPLICA), EVENT)
DATASET = (Right("INSERT", "dataset"), Right("INSERT", "image"), EVENT)
DESCRIBE = (_GIVEN[Role.STEWARD][-3], EVENT)
"""What verbs need; those that work long before they write ask for it first."""


def rights_of(role: Role) -> Iterator[Right]:
    """Yield what a role may do besides reading everything."""
    for each in Role:
        yield from _GIVEN.get(each, ())
        if each is role:
            return


def least(right: Right) -> Role | None:
    """Return the first role that has a right, None when none has."""
    if right.privilege == "SELECT":
        return Role.READER
    for role in Role:
        if any(
            (each.privilege, each.table) == (right.privilege, right.table)
            for each in _GIVEN.get(role, ())
        ):
            return role
    return None


def missing(session: Session, rights: Sequence[Right]) -> Right | None:
    """Return the first of the rights that the server does not give; SQLite gives all."""
    connection = session.connection()
    if connection.dialect.name != "postgresql":
        return None
    for right in rights:
        if not has_right(connection, right):
            return right
    return None


def has_right(connection: sa.Connection, right: Right, user: str | None = None) -> bool:
    """Tell whether PostgreSQL gives a right to a user, None meaning whoever is asking."""
    who = [] if user is None else [user]
    table = f'"{right.table}"'
    asked: list[sa.ColumnElement[bool]] = [
        sa.func.has_column_privilege(*who, table, column, right.privilege, type_=sa.Boolean)
        for column in right.columns
    ] or [sa.func.has_table_privilege(*who, table, right.privilege, type_=sa.Boolean)]
    return bool(connection.execute(sa.select(sa.and_(*asked))).scalar())


def check(store: Store, *rights: Right) -> None:
    """Raise `CatalogError` that names what is missing, before anything is done in vain."""
    if store.path is not None:
        return
    with store.reading() as session:
        right = missing(session, rights)
        if right is not None:
            raise CatalogError(f"{store.name}: {_words(session.connection(), right)}")


def check_granting(connection: sa.Connection, name: str) -> None:
    """Raise `CatalogError` when whoever is asking cannot pass on any right."""
    if not has_right(connection, Right("SELECT WITH GRANT OPTION", "event")):
        user = _people(connection)[0]
        raise CatalogError(
            f"{name}: your role {user!r} may not give roles; ask {_whom(connection)}"
        )


def refusal(connection: sa.Connection, statement: str) -> str:
    """Return why the server refused a statement, and who can mend that."""
    found = _CHANGES.match(statement)
    if found:
        return _words(connection, Right(found[1] or found[2] or found[3] or "SELECT", found[4]))
    user, owner, _ = _people(connection)
    if owner is None:
        return f"your role {user!r} may not make a catalog here; ask the owner of the database"
    return (
        f"your role {user!r} may not change its tables, which are of an older cxrcat; its owner "
        f"{owner!r} brings them up by running any command of this release"
    )


def _words(connection: sa.Connection, right: Right) -> str:
    user, whom = _people(connection)[0], _whom(connection)
    role = least(right)
    said = f"your role {user!r} has no right to {right.words()}"
    if role is None:
        return f"{said}, which no role is given; ask {whom}"
    return f"{said}; ask {whom} for: cxrcat catalog grant --role {role} {user} --apply"


def _whom(connection: sa.Connection) -> str:
    """Return whom to ask for a right."""
    _, owner, stewards = _people(connection)
    if owner is None:
        return "the owner of the database"
    named = f" or a steward ({', '.join(map(repr, stewards[:3]))})" if stewards else ""
    return f"its owner {owner!r}{named}"


def _people(connection: sa.Connection) -> tuple[str, str | None, list[str]]:
    """Return who is asking, who owns the catalog, and who else can give its rights."""
    user = str(connection.execute(sa.text("SELECT current_user")).scalar())
    owner = owner_of(connection)
    if owner is None:
        return user, None, []
    others = sa.text(
        "SELECT rolname FROM pg_roles WHERE NOT rolsuper AND rolname <> :owner AND rolcanlogin "
        "AND has_table_privilege(rolname, 'event', 'INSERT WITH GRANT OPTION') ORDER BY rolname"
    )
    return user, owner, [str(name) for (name,) in connection.execute(others, {"owner": owner})]


def owner_of(connection: sa.Connection) -> str | None:
    """Return the role that made the catalog, None where none can be seen."""
    query = "SELECT pg_get_userbyid(relowner) FROM pg_class WHERE oid = to_regclass('event')"
    found = connection.execute(sa.text(query)).scalar()
    return None if found is None else str(found)
