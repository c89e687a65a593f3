"""Write a question as an expression of BigQuery's SQL that answers as our own engine does.

Names of columns come from the table's own description and values become parameters: nothing of
the text of a question is in the statement.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import NoReturn, assert_never

from sqlglot import exp

from ...schemas.errors import InputError, UsageError
from ..query import Node, spell
from ..query.tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Leaf,
    Missing,
    Not,
    OneOf,
    Or,
    Range,
    Value,
)
from ..query.vocabulary import Kind
from .warehouse import Column, Parameter, Query, Table

_NUMBERS = ("INTEGER", "INT64", "FLOAT", "FLOAT64", "NUMERIC", "BIGNUMERIC")
_WORD = "word"  # what one finding of a cell is called in the statement


@dataclass(frozen=True, slots=True)
class Words:
    """What a table can be asked.

    `columns` holds the column of each fact (``age``, ``findings`` …), `kinds` how the language
    takes each fact. `labels` is the label set whose findings stand in the table, `findings` the
    spellings of each, and `uncounted` those that are no findings. `subsets` has the names of the
    members of subsets that a question reads.
    """

    table: Table
    columns: Mapping[str, Column]
    kinds: Mapping[str, Kind]
    labels: str
    findings: Mapping[str, Sequence[str]]
    uncounted: frozenset[str]
    separator: str
    subsets: Mapping[tuple[str, int], Sequence[str]]


def compile_query(node: Node, words: Words, wanted: Sequence[Column]) -> Query:
    """Return the statement that selects columns of the rows that answer a question.

    Raises `InputError` that names the word for which the table has no answer, and `UsageError` for
    a question that is nested too deeply.
    """
    compiler = _Compiler(words)
    try:
        chosen = _selection(words.table, wanted).where(compiler.condition(node))
        statement = chosen.sql(dialect="bigquery")
    except RecursionError as error:
        raise UsageError("the question is nested too deeply; split it into subsets") from error
    return Query(statement, compiler.parameters)


def select_columns(table: Table, wanted: Sequence[Column]) -> Query:
    """Return the statement that selects columns of all rows."""
    return Query(_selection(table, wanted).sql(dialect="bigquery"))


def _selection(table: Table, wanted: Sequence[Column]) -> exp.Select:
    columns = [exp.column(_name(each.name)) for each in wanted]
    place = exp.Table(this=_name(table.name), db=_name(table.dataset), catalog=_name(table.project))
    return exp.select(*columns).from_(place)


class _Compiler:
    """Turns the nodes of one question into conditions, and keeps the values of parameters."""

    def __init__(self, words: Words) -> None:
        self.words = words
        self.parameters: dict[str, Parameter] = {}
        self.named: dict[tuple[str, Parameter], str] = {}

    def condition(self, node: Node) -> exp.Expr:
        """Return a condition that is true or false for every row, and never unknown."""
        match node:
            case Everything():
                return exp.true()
            case Not(child):
                return exp.Not(this=exp.Paren(this=self.condition(child)))
            case And(children):
                return exp.and_(*map(self.condition, children))
            case Or(children):
                return exp.or_(*map(self.condition, children))
            case Missing(column):
                return exp.Is(this=self.value(column, node), expression=exp.Null())
            case OneOf(column, values):
                among = [self.parameter(each) for each in values if each != ""]
                if not among:  # the empty text stands for what is missing, which equals nothing
                    return exp.false()
                return _known(exp.In(this=self.value(column, node), expressions=among))
            case Range():
                return self.range(node)
            case FindingIs(_, finding, state):
                self.check_labels(node, node.labels)
                if state != "present":
                    self.refuse(node, f"the table says what is present, not what is {state}")
                return self.says(node, [finding])
            case Labelled(labels):
                self.check_labels(node, labels)
                return self.says(node, list(self.words.findings))
            case FindingCount():
                return self.count(node)
            case InSubset():
                return self.subset(node)
            case Boxed():
                self.refuse(node, "the table has no boxes")
            case _:
                assert_never(node)

    def range(self, node: Range) -> exp.Expr:
        """Return the condition that a column lies between bounds."""
        value = self.value(node.column, node)
        bounds: list[exp.Expr] = []
        if node.low is not None:
            above = exp.GT if node.low_open else exp.GTE
            bounds.append(above(this=value.copy(), expression=self.parameter(node.low)))
        if node.high is not None:
            below = exp.LT if node.high_open else exp.LTE
            bounds.append(below(this=value.copy(), expression=self.parameter(node.high)))
        if not bounds:
            return exp.Not(this=exp.Is(this=value, expression=exp.Null()))
        return exp.and_(*map(_known, bounds))

    def says(self, node: Leaf, findings: Sequence[str]) -> exp.Expr:
        """Return the condition that the table states any of the findings."""
        spellings = [each for finding in findings for each in self.words.findings[finding]]
        stated = self.cell(node).where(_among(self.parameter(_folded(spellings))))
        return exp.Exists(this=stated.select("1"))

    def count(self, node: FindingCount) -> exp.Expr:
        """Return the condition that the table states so many findings, each counted once."""
        self.check_labels(node, node.labels)
        counted = [each for each in self.words.findings if each not in self.words.uncounted]
        number = exp.Case(
            ifs=[
                exp.If(
                    this=_among(self.parameter(_folded(self.words.findings[finding]))),
                    true=exp.Literal.number(place),
                )
                for place, finding in enumerate(counted)
            ]
        )
        distinct = exp.Count(this=exp.Distinct(expressions=[number]))
        total = exp.Subquery(this=self.cell(node).select(distinct))
        bounds: list[exp.Expr] = []
        if node.low is not None:
            bounds.append(exp.GTE(this=total, expression=self.parameter(node.low)))
        if node.high is not None:
            bounds.append(exp.LTE(this=total.copy(), expression=self.parameter(node.high)))
        return exp.and_(*bounds) if bounds else exp.true()

    def subset(self, node: InSubset) -> exp.Expr:
        """Return the condition of being one of a subset's images, by their names."""
        names = self.words.subsets[node.name, node.version]
        if "name" in self.words.columns:
            column = "name"
        elif "stem" in self.words.columns:
            column, names = "stem", [each.rsplit(".", 1)[0] for each in names]
        else:
            self.refuse(node, "the table does not name its images")
        among = self.parameter(tuple(names))
        return _known(exp.In(this=self.text(self.words.columns[column]), unnest=_unnest(among)))

    def cell(self, node: Leaf) -> exp.Select:
        """Return a selection from the findings of a row's cell."""
        column = self.column("findings", node)
        value: exp.Expr = exp.column(_name(column.name))
        if not column.repeated:
            value = exp.Split(this=value, expression=exp.Literal.string(self.words.separator))
        alias = exp.TableAlias(columns=[exp.to_identifier(_WORD)])
        return exp.Select().from_(exp.Unnest(expressions=[value], alias=alias))

    def value(self, fact: str, node: Leaf) -> exp.Expr:
        """Return a column as the language takes it, NULL where it is nothing of that kind."""
        column = self.column(fact, node)
        kind = self.words.kinds[fact]
        if kind == "text":
            return self.text(column)
        if column.type in _NUMBERS:
            return exp.column(_name(column.name))
        text = self.text(column)
        if kind == "real":
            return _cast(text, "FLOAT64")
        return _age(text) if fact == "age" else _cast(text, "INT64")

    def text(self, column: Column) -> exp.Expr:
        """Return a column as text, of which the empty one says nothing."""
        value: exp.Expr = exp.column(_name(column.name))
        if column.type != "STRING":
            value = exp.Cast(this=value, to=exp.DataType.build("STRING", dialect="bigquery"))
        return exp.Nullif(this=value, expression=exp.Literal.string(""))

    def column(self, fact: str, node: Leaf) -> Column:
        """Return the column of a fact."""
        if fact not in self.words.columns:
            known = ", ".join(sorted(set(self.words.columns) - {"stem"}))
            self.refuse(node, f"the table has no column for {fact}, only for {known or 'nothing'}")
        column = self.words.columns[fact]
        if column.type not in ("STRING", *_NUMBERS) or (column.repeated and fact != "findings"):
            kind = f"a list of {column.type}" if column.repeated else column.type
            self.refuse(node, f"its column {column.name} is {kind}, neither text nor a number")
        return column

    def parameter(self, value: Value | tuple[str, ...]) -> exp.Expr:
        """Return a reference to a value; equal values are one parameter."""
        key = type(value).__name__, value
        name = self.named.setdefault(key, f"p{len(self.named)}")
        self.parameters[name] = value
        return exp.Parameter(this=exp.var(name))

    def check_labels(self, node: Leaf, labels: str) -> None:
        """Refuse a word of another label set than the table's."""
        if labels != self.words.labels:
            self.refuse(node, f"the table has the labels of {self.words.labels} alone")

    def refuse(self, node: Leaf, why: str) -> NoReturn:
        """Raise `InputError` that names the word."""
        raise InputError(
            f"{spell(node)} cannot be asked of {self.words.table}: {why}; ask it without --engine"
        )


def _age(text: exp.Expr) -> exp.Expr:
    """Return an age in completed years: DICOM writes 058Y, 011M, 003W, 001D (PS3.5, 6.2)."""
    units = {"Y?": 1, "M": 12, "W": 52, "D": 365}
    return exp.Coalesce(
        this=_cast(text, "INT64"),
        expressions=[
            exp.IntDiv(
                this=_cast(
                    exp.RegexpExtract(
                        this=text.copy(),
                        expression=exp.Literal.string(f"^([0-9]{{1,3}}){unit}$"),
                    ),
                    "INT64",
                ),
                expression=exp.Literal.number(parts),
            )
            for unit, parts in units.items()
        ],
    )


def _cast(value: exp.Expr, kind: str) -> exp.Expr:
    return exp.TryCast(this=value, to=exp.DataType.build(kind, dialect="bigquery"), safe=True)


def _known(comparison: exp.Expr) -> exp.Expr:
    """Return a comparison that is false where SQL's would be unknown."""
    return exp.Coalesce(this=comparison, expressions=[exp.false()])


def _among(spellings: exp.Expr) -> exp.Expr:
    word = exp.Lower(this=exp.Trim(this=exp.column(_WORD)))
    return exp.In(this=word, unnest=_unnest(spellings))


def _unnest(array: exp.Expr) -> exp.Expr:
    return exp.Unnest(expressions=[array], offset=False)


def _folded(spellings: Sequence[str]) -> tuple[str, ...]:
    return tuple(sorted({each for text in spellings for each in (text.lower(), text.casefold())}))


def _name(name: str) -> exp.Identifier:
    return exp.to_identifier(name, quoted=True)
