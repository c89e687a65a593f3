"""Write a tree as text of the where-language that reads back as the same question."""

from __future__ import annotations

import re
from typing import assert_never

from .tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Leaf,
    Missing,
    Node,
    Not,
    OneOf,
    Or,
    Range,
    Value,
)

KEYWORDS = frozenset({"and", "between", "false", "in", "is", "not", "null", "or", "true"})
"""The words of the language itself, which name a finding or a column only in double quotes."""

_PLAIN_WORD = re.compile(r"[a-z_][a-z0-9_]*")


def spell(node: Node) -> str:
    """Return the text of a question; label sets are always named, subsets have their version."""
    match node:
        case Not(child=Everything()):
            return "false"
        case Not(child=Missing(column=column)):
            return f"{word(column)} is not null"
        case Not(child=child):
            bare = isinstance(child, FindingIs | Labelled | Boxed | InSubset | Everything | Not)
            return f"not {spell(child)}" if bare else f"not ({spell(child)})"
        case And(children=children):
            return " and ".join(_grouped(each, Or) for each in children)
        case Or(children=children):
            return " or ".join(_grouped(each, And) for each in children)
        case _:
            return _leaf(node)


def word(name: str) -> str:
    """Return a name as a word of the language: in double quotes unless it is a plain word."""
    if _PLAIN_WORD.fullmatch(name) and name not in KEYWORDS:
        return name
    return '"' + name.replace('"', '""') + '"'


def _grouped(node: Node, other: type[And] | type[Or]) -> str:
    """Return a child in parentheses when it is itself several conditions."""
    group = isinstance(node, And | Or) or (other is And and _is_two_conditions(node))
    return f"({spell(node)})" if group else spell(node)


def _is_two_conditions(node: Node) -> bool:
    return isinstance(node, Range) and None not in (node.low, node.high) and _is_open(node)


def _is_open(node: Range) -> bool:
    return node.low_open or node.high_open


def _leaf(node: Leaf) -> str:
    match node:
        case Everything():
            return "true"
        case FindingIs(state="present"):
            return f"{word(node.labels)}.{word(node.finding)}"
        case FindingIs():
            return f"{node.state}({word(node.labels)}.{word(node.finding)})"
        case Labelled():
            return f"labelled({word(node.labels)})"
        case Boxed():
            return f"boxed({'' if node.finding is None else word(node.finding)})"
        case OneOf(values=(value,)):
            return f"{word(node.column)} = {_value(value)}"
        case OneOf():
            return f"{word(node.column)} in ({', '.join(map(_value, node.values))})"
        case Range():
            return _range(node)
        case Missing():
            return f"{word(node.column)} is null"
        case FindingCount():
            return _count(node)
        case InSubset():
            return f"in_subset({_value(f'{node.name}@{node.version}')})"
        case _:
            assert_never(node)


def _range(node: Range) -> str:
    name = word(node.column)
    if node.low is not None and node.high is not None and not _is_open(node):
        return f"{name} between {_value(node.low)} and {_value(node.high)}"
    bounds = []
    if node.low is not None:
        bounds.append(f"{name} {'>' if node.low_open else '>='} {_value(node.low)}")
    if node.high is not None:
        bounds.append(f"{name} {'<' if node.high_open else '<='} {_value(node.high)}")
    return " and ".join(bounds) or f"{name} is not null"


def _count(node: FindingCount) -> str:
    name = f"{word(node.labels)}.findings"
    if node.low is None:
        return "true" if node.high is None else f"{name} <= {node.high}"
    if node.high is None:
        return f"{name} >= {node.low}"
    if node.low == node.high:
        return f"{name} = {node.low}"
    return f"{name} between {node.low} and {node.high}"


def _value(value: Value) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else repr(value)
