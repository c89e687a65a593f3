"""Give people their roles in a catalog on PostgreSQL: the SQL that does it, and its execution."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import sqlalchemy as sa
from sqlmodel import SQLModel

from ..schemas.errors import CatalogError, NotFoundError, UsageError
from .rights import Right, Role, check_granting, has_right, owner_of, rights_of
from .store import Store
from .suggest import unknown

if TYPE_CHECKING:
    from psycopg import sql

_LONGEST = 63  # bytes of a name; PostgreSQL cuts longer ones
_EVERYBODY = "public"  # even in quotes, PostgreSQL takes this name for all roles
_REVISION = "alembic_version"
_READS = Right("SELECT", "event")


@dataclass(frozen=True, slots=True)
class Granted:
    """The statements that give a role, whether they were run, and what else is to be known."""

    user: str
    role: str
    catalog: str
    applied: bool
    statements: tuple[str, ...]
    remarks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class _Catalog:
    """What the statements name: schema, database, owner, and each table's sequence."""

    schema: str
    database: str
    owner: str
    owned: bool
    sequences: dict[str, str]
    tables: tuple[str, ...]


def grant(store: Store, user: str, role: Role, apply: bool) -> Granted:
    """Return the SQL that makes a user of the server a reader, contributor or steward; or run it.

    Raises `UsageError` for a catalog in SQLite or a name that cannot be meant, `NotFoundError` for
    a user that the server does not know, and `CatalogError` when the server refuses.
    """
    if store.path is not None:
        raise UsageError(
            f"{store.name}: SQLite has no users; the rights of the file decide who may do what"
        )
    _check(user)
    with store.reading() as session:
        found = _look(session.connection())
        names = session.connection().scalars(sa.text("SELECT rolname FROM pg_roles"))
        known = [name for name in names if not name.startswith("pg_")]
    if user == found.owner:
        raise UsageError(f"{user!r} owns the catalog and may do everything; name another user")
    statements = tuple(each.as_string(None) for each in _statements(found, user, role))
    remarks = []
    if user not in known:
        if apply:
            raise NotFoundError(unknown("user of the server", user, known))
        remarks.append(f"the server has no user {user!r} yet; make it first, with CREATE ROLE")
    if not found.owned:
        remarks.append(f"tables of later releases: let the owner {found.owner!r} grant it again")
    if apply:
        _run(store, statements, user, role)
    return Granted(user, role.value, store.name, apply, statements, tuple(remarks))


def _check(user: str) -> None:
    if not user or not user.isprintable() or len(user.encode()) > _LONGEST:
        raise UsageError(f"{user[:80]!r} cannot be the name of a user of PostgreSQL")
    if user == _EVERYBODY:
        raise UsageError(f"{user!r} stands for everybody who can reach the server; name one user")


def _look(connection: sa.Connection) -> _Catalog:
    row = connection.execute(sa.text("SELECT current_schema(), current_database()")).one()
    owner = owner_of(connection) or ""
    member = sa.select(sa.func.pg_has_role(owner, "MEMBER"))
    tables = SQLModel.metadata.sorted_tables
    named = sa.text(
        "SELECT relname FROM pg_class WHERE oid = pg_get_serial_sequence(:table, :column)::regclass"
    )
    sequences = {}
    for table in tables:
        column = table.autoincrement_column
        if column is not None:
            name = {"table": f'"{table.name}"', "column": column.name}
            sequence = connection.execute(named, name).scalar()
            if sequence is not None:
                sequences[table.name] = str(sequence)
    return _Catalog(
        schema=str(row[0]),
        database=str(row[1]),
        owner=owner,
        owned=bool(connection.execute(member).scalar()),
        sequences=sequences,
        tables=(*(table.name for table in tables), _REVISION),
    )


def _statements(found: _Catalog, user: str, role: Role) -> Iterator[sql.Composed]:
    """Yield the statements; a role is what a user has then, so a lower one takes rights away."""
    from psycopg import sql

    to = sql.Identifier(user)
    schema = sql.Identifier(found.schema)
    option = sql.SQL(" WITH GRANT OPTION" if role is Role.STEWARD else "")

    def named(names: Iterable[str]) -> sql.Composed:
        return sql.SQL(", ").join(sql.Identifier(found.schema, name) for name in names)

    if role is not Role.STEWARD:
        yield sql.SQL("REVOKE ALL ON {} FROM {}").format(named(found.tables), to)
    yield sql.SQL("GRANT CONNECT ON DATABASE {} TO {}{}").format(
        sql.Identifier(found.database), to, option
    )
    yield sql.SQL("GRANT USAGE ON SCHEMA {} TO {}{}").format(schema, to, option)
    yield sql.SQL("GRANT SELECT ON {} TO {}{}").format(named(found.tables), to, option)
    rights = list(rights_of(role))
    whole = {
        privilege: sorted(each.table for each in rights if each.privilege == privilege)
        for privilege in ("INSERT", "DELETE")
    }
    for privilege, tables in whole.items():
        if tables:
            yield sql.SQL("GRANT {} ON {} TO {}{}").format(
                sql.SQL(privilege), named(tables), to, option
            )
    added = whole["INSERT"]
    for each in rights:
        if each.columns:
            yield sql.SQL("GRANT UPDATE ({}) ON {} TO {}{}").format(
                sql.SQL(", ").join(map(sql.Identifier, each.columns)),
                named([each.table]),
                to,
                option,
            )
    numbered = [found.sequences[table] for table in added if table in found.sequences]
    if numbered:
        yield sql.SQL("GRANT USAGE ON SEQUENCE {} TO {}{}").format(named(numbered), to, option)
    if found.owned:  # what later releases add can be read at once
        yield sql.SQL(
            "ALTER DEFAULT PRIVILEGES FOR ROLE {} IN SCHEMA {} GRANT SELECT ON TABLES TO {}{}"
        ).format(sql.Identifier(found.owner), schema, to, option)


def _run(store: Store, statements: Sequence[str], user: str, role: Role) -> None:
    with store.writing() as session:
        connection = session.connection()
        check_granting(connection, store.name)
        for each in statements:
            connection.exec_driver_sql(each, execution_options={"no_parameters": True})
        # Whoever may not give or take some right is only warned by the server.
        lower = {*rights_of(role), _READS}
        for right in (_READS, *rights_of(Role.STEWARD)):
            has = has_right(connection, right, user)
            if right in lower and not has:
                raise CatalogError(
                    f"{store.name}: your role may not give the right to {right.words()}; nothing "
                    "was changed; ask the owner or a steward of the catalog"
                )
            if has and right not in lower:
                raise CatalogError(
                    f"{store.name}: {user!r} would keep the right to {right.words()}, which "
                    "somebody else gave; nothing was changed; ask the owner of the catalog"
                )
