"""Have a question of the where-language answered by a table in BigQuery."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pyroaring import BitMap
from sqlmodel import Session

from ...schemas.descriptor import Descriptor, Fact, SourceKind, SourceSpec
from ...schemas.errors import InputError, UsageError
from ...schemas.tables import Dataset
from .. import images, matching, subsets
from ..checksums import names_checksum
from ..create import Ask
from ..datasets import descriptor_of, full_descriptor
from ..index import DatasetIndex
from ..progress import Progress
from ..query import Kind, Node, Vocabulary, normalise, parse, spell
from ..query.tree import InSubset, leaves
from ..selection import Answered
from .compile import Words, compile_query
from .warehouse import Bill, Column, Grant, Table, Warehouse

ENGINE = "bigquery"
_CARRIED = 10_000  # names of a subset that go along with a question
_FACTS = (
    *("name", "stem", "findings", "patient", "follow_up", "age", "sex", "view"),
    *("width", "height", "spacing_x", "spacing_y"),
)
"""The columns of a table of our own making, as metadata.csv has them; a stem is a name's."""


@dataclass(frozen=True, slots=True)
class Question:
    """A question as it is to be asked, with all that is needed of the catalog to ask it."""

    written: str
    node: Node
    vocabulary: Vocabulary
    descriptor: Descriptor
    version: str
    table: Table
    source: SourceSpec | None
    subsets: Mapping[tuple[str, int], Sequence[str]]


@dataclass(frozen=True, slots=True)
class Answer:
    """The rows that answer a question, and what tells which image each is.

    `identified` is ``name`` or ``stem``, whose column `by` names, or ``attributes``.
    """

    question: Question
    bill: Bill
    rows: list[dict[str, Any]]
    identified: str
    by: str
    attributes: dict[str, Fact]


def read(session: Session, dataset: Dataset, where: str, grant: Grant) -> Question:
    """Return the question that a text asks of a table; raise `QueryError` for a wrong one."""
    vocabulary = subsets.vocabulary_of(session, dataset)
    descriptor = full_descriptor(session, dataset)
    table, source = table_of(descriptor, grant)
    node = parse(where, vocabulary)
    members = {
        (leaf.name, leaf.version): _members(session, dataset, leaf)
        for leaf in leaves(node)
        if isinstance(leaf, InSubset)
    }
    return Question(where, node, vocabulary, descriptor, dataset.version, table, source, members)


def table_of(descriptor: Descriptor, grant: Grant) -> tuple[Table, SourceSpec | None]:
    """Return the table that is meant, and the descriptor's source that it is, if it is one."""
    own = {
        str(Table.parse(each.uri)): each
        for each in descriptor.sources
        if each.kind is SourceKind.BIGQUERY
    }
    if grant.table is not None:
        table = Table.parse(grant.table)
        return table, own.get(str(table))
    if not own:
        raise UsageError(
            f"{descriptor.slug} names no table in BigQuery; name yours with --table "
            "PROJECT.DATASET.TABLE"
        )
    text, spec = next(iter(own.items()))
    return Table.parse(text), spec


def ask(question: Question, grant: Grant, progress: Progress) -> Answer:
    """Have a question answered, after its bill was agreed to.

    Raises `InputError` when the table cannot answer it, and `SourceError` when BigQuery fails.
    """
    with Warehouse(grant) as warehouse:
        columns = warehouse.columns(question.table)
        facts, attributes = _facts(question, columns)
        identified, wanted = _identified(question, facts, attributes, columns)
        query = compile_query(normalise(question.node), _words(question, facts), wanted)
        bill, rows = warehouse.ask(question.table, query, progress)
    return Answer(question, bill, rows, identified, wanted[0].name, attributes)


def settle(
    session: Session, dataset: Dataset, answer: Answer, name: str, note: str | None, grant: Grant
) -> Ask:
    """Return what records the answer as a subset.

    Raises `InputError` when rows are not known to be images of the dataset, unless that is allowed.
    """
    members, others = _members_of(session, dataset, answer)
    table = answer.question.table
    if others and not grant.allow_missing:
        raise InputError(
            f"{table}: {others:,} of the {len(answer.rows):,} rows of the answer cannot be told to "
            f"be images of {dataset.slug}@{dataset.version}; nothing was recorded; leave them out "
            "with --allow-missing"
        )
    source = answer.question.source
    step = Answered(
        engine=ENGINE,
        table=str(table),
        rows=len(answer.rows),
        left_out=others,
        checksum=names_checksum(images.names(session, dataset, members)),
    )
    return Ask(
        name=name,
        where=spell(answer.question.node),  # with the versions of the subsets that it read
        steps=(step,),
        listed=members,
        note=note,
        written=answer.question.written,
        also_read=(
            ({"kind": "source", "name": source.slug, "word": f"--engine {ENGINE}"},)
            if source
            else ()
        ),
    )


def _members(session: Session, dataset: Dataset, leaf: InSubset) -> list[str]:
    members = DatasetIndex(session, dataset).subset(leaf.name, leaf.version)
    if len(members) > _CARRIED:
        raise InputError(
            f"{spell(leaf)} cannot be asked of BigQuery: it has {len(members):,} images, and the "
            f"names of {_CARRIED:,} go along with a question; ask it without --engine"
        )
    return list(images.names(session, dataset, members))


def _facts(
    question: Question, columns: Mapping[str, Column]
) -> tuple[dict[str, Column], dict[str, Fact]]:
    """Return the column of each fact, and those of them that the descriptor's attributes name.

    A table has the columns of metadata.csv, or the attributes of the descriptor's own table.
    """
    facts = {fact: columns[fact] for fact in _FACTS if fact in columns}
    attributes: dict[str, Fact] = {}
    for source in question.descriptor.sources:
        if source.kind is not SourceKind.BIGQUERY or question.source not in (None, source):
            continue
        for keyword, fact in source.attributes.items():
            column = columns.get(keyword.casefold())
            if column is not None and facts.setdefault(fact, column) is column:
                attributes[column.name] = fact
    return facts, attributes


def _identified(
    question: Question,
    facts: dict[str, Column],
    attributes: dict[str, Fact],
    columns: Mapping[str, Column],
) -> tuple[str, list[Column]]:
    """Return what tells the images of the rows, and the columns that it needs.

    Where no column names the images, the facts that the descriptor maps do; then only these may be
    asked for, since rows of which they are the same would else be mixed up.
    """
    for fact in ("name", "stem"):
        if fact in facts:
            return fact, [facts[fact]]
    if "patient" not in attributes.values():
        known = ", ".join(sorted(each.name for each in columns.values())[:12])
        raise InputError(
            f"{question.table}: has no column name or stem that tells the images, nor the columns "
            f"that {question.descriptor.slug} names for it; its columns are {known or 'none'}"
        )
    compared = matching.compared(attributes)
    for fact in [each for each in facts if each not in compared]:
        del facts[fact]
    return "attributes", [facts[fact] for fact in compared]


def _words(question: Question, facts: Mapping[str, Column]) -> Words:
    descriptor, vocabulary = question.descriptor, question.vocabulary
    written = descriptor.version_of(question.version).table
    kinds: dict[str, Kind] = {name: each.kind for name, each in vocabulary.columns.items()}
    return Words(
        table=question.table,
        columns=facts,
        kinds=kinds,
        labels=written.labels,
        findings={word.name: word.spellings() for word in descriptor.words_of(written.labels)},
        uncounted=frozenset(descriptor.uncounted(written.labels)),
        separator="|",  # metadata.csv's and Google's, whatever the dataset's own table has
        subsets=question.subsets,
    )


def _members_of(session: Session, dataset: Dataset, answer: Answer) -> tuple[BitMap, int]:
    """Return the images of an answer, and how many rows are none that is known."""
    index = DatasetIndex(session, dataset)
    names = list(images.names(session, dataset, index.universe()))
    ordinals = {name: ordinal for ordinal, name in enumerate(names)}
    if answer.identified != "attributes":
        if answer.identified == "stem":
            ordinals = _by_stem(names)
        found = [ordinals.get(str(row[answer.by])) for row in answer.rows]
        members = BitMap(each for each in found if each is not None)
        return members, found.count(None)
    labels = descriptor_of(dataset).version_of(dataset.version).table.labels
    every = images.iterate(session, dataset, index, index.universe(), labels)
    chosen, others = matching.alike(
        answer.rows,
        matching.facts_of(every),
        answer.attributes,
        answer.question.descriptor.vocabulary.spellings(),
    )
    return BitMap(ordinals[name] for name in chosen), len(others)


def _by_stem(names: Iterable[str]) -> dict[str, int]:
    """Return the ordinal of each name without its suffix, but for stems that two names have."""
    ordinals: dict[str, int] = {}
    twice = set()
    for ordinal, name in enumerate(names):
        stem = name.rsplit(".", 1)[0]
        if stem in ordinals:
            twice.add(stem)
        ordinals[stem] = ordinal
    return {stem: ordinal for stem, ordinal in ordinals.items() if stem not in twice}
