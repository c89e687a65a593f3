"""The normal form: one text for all spellings of a question that can be seen to be the same."""

from __future__ import annotations

from typing import assert_never

from .tree import (
    And,
    Boxed,
    Everything,
    FindingCount,
    FindingIs,
    InSubset,
    Labelled,
    Missing,
    Node,
    Not,
    OneOf,
    Or,
    Range,
    Scalar,
)

NOTHING = Not(Everything())


def normalise(node: Node) -> Node:
    """Return the normal form.

    ``not`` stands at the leaves only; what is joined by ``and`` or ``or`` is flat, sorted by its
    spelling and without repetition; values of one column are one list, bounds one range; ``true``,
    ``false`` and ``x and not x`` are folded. Comparisons are not turned round, since an image of
    which a column says nothing fulfils neither ``age >= 18`` nor ``age < 18``.
    """
    return _normal(node, negated=False)


def _normal(node: Node, negated: bool) -> Node:
    match node:
        case Not(child):
            return _normal(child, not negated)
        case And(children):
            return _join([_normal(child, negated) for child in children], Or if negated else And)
        case Or(children):
            return _join([_normal(child, negated) for child in children], And if negated else Or)
        case _:
            leaf = _tidy(node) if isinstance(node, Range) else node
            return Not(leaf) if negated else leaf


def _join(children: list[Node], kind: type[And | Or]) -> Node:
    """Join normal forms; `unit` changes nothing in the join, `zero` decides it."""
    unit, zero = (Everything(), NOTHING) if kind is And else (NOTHING, Everything())
    flat: list[Node] = []
    for child in children:
        flat.extend(child.children if isinstance(child, kind) else [child])
    flat = _merge_bounds(flat) if kind is And else _merge_values(flat)
    distinct = {spell(each): each for each in flat if each != unit}
    if zero in distinct.values():
        return zero
    if any(isinstance(each, Not) and each.child in distinct.values() for each in distinct.values()):
        return zero
    other = Or if kind is And else And
    kept = [
        each
        for each in distinct.values()
        if not (isinstance(each, other) and any(c in distinct.values() for c in each.children))
    ]
    if not kept:
        return unit
    if len(kept) == 1:
        return kept[0]
    return kind(tuple(sorted(kept, key=spell)))


def _merge_values(nodes: list[Node]) -> list[Node]:
    """Join the lists of values that any may match, a column at a time."""
    values: dict[str, set[Scalar]] = {}
    for node in nodes:
        if isinstance(node, OneOf):
            values.setdefault(node.column, set()).update(node.values)
    others = [node for node in nodes if not isinstance(node, OneOf)]
    return [*others, *(OneOf(column, sort_values(each)) for column, each in values.items())]


def _merge_bounds(nodes: list[Node]) -> list[Node]:
    """Meet the ranges that must all hold, a column at a time."""
    ranges: dict[str, Range] = {}
    others: list[Node] = []
    for node in nodes:
        if isinstance(node, Range):
            ranges[node.column] = _meet(ranges.get(node.column, Range(node.column)), node)
        else:
            others.append(node)
    return [*others, *map(_tidy, ranges.values())]


def _meet(one: Range, two: Range) -> Range:
    low, low_open = max(
        ((each.low, each.low_open) for each in (one, two) if each.low is not None),
        default=(None, False),
    )
    high, closed = min(
        ((each.high, not each.high_open) for each in (one, two) if each.high is not None),
        default=(None, True),
    )
    return Range(one.column, low, high, low_open, not closed)


def _tidy(node: Range) -> Node:
    """Return a range of one value as that value."""
    if node.low is None or node.low != node.high or node.low_open or node.high_open:
        return node
    return OneOf(node.column, (node.low,))


def sort_values(values: set[Scalar]) -> tuple[Scalar, ...]:
    """Return values of one column, without repetition, in the order of the normal form."""
    return tuple(sorted(values, key=lambda value: (isinstance(value, str), value)))


def spell(node: Node) -> str:
    """Return the text of a node; it parses back to the same node."""
    match node:
        case Everything():
            return "true"
        case FindingIs(labels, finding, "present"):
            return f"{labels}.{_word(finding)}"
        case FindingIs(labels, finding, state):
            return f"{state}({labels}.{_word(finding)})"
        case Labelled(labels):
            return f"labelled({labels})"
        case Boxed(finding):
            return f"boxed({_word(finding) if finding else ''})"
        case OneOf(column, (value,)):
            return f"{column} = {_literal(value)}"
        case OneOf(column, values):
            return f"{column} in ({', '.join(map(_literal, values))})"
        case Range():
            return _spell_range(node)
        case Missing(column):
            return f"{column} is null"
        case FindingCount(labels, low, high):
            return _spell_count(f"{labels}.findings", low, high)
        case InSubset(name, version):
            return f"in_subset('{name}@{version}')"
        case Not(Everything()):
            return "false"
        case Not(child):
            return f"not {_enclosed(child, And, Or)}"
        case And(children):
            return " and ".join(_enclosed(child, Or) for child in children)
        case Or(children):
            return " or ".join(_enclosed(child, And, Or) for child in children)
        case _:
            assert_never(node)


def _enclosed(node: Node, *loose: type[Node]) -> str:
    """Spell a child, in parentheses when it binds no tighter than its parent."""
    text = spell(node)
    joined = isinstance(node, loose) or (And in loose and _is_pair(node))
    return f"({text})" if joined else text


def _is_pair(node: Node) -> bool:
    """Tell whether a range is spelled as two comparisons."""
    return isinstance(node, Range) and " and " in spell(node) and " between " not in spell(node)


def _spell_range(node: Range) -> str:
    low, high = (_literal(bound) if bound is not None else None for bound in (node.low, node.high))
    if low is not None and high is not None and not (node.low_open or node.high_open):
        return f"{node.column} between {low} and {high}"
    bounds = []
    if low is not None:
        bounds.append(f"{node.column} {'>' if node.low_open else '>='} {low}")
    if high is not None:
        bounds.append(f"{node.column} {'<' if node.high_open else '<='} {high}")
    return " and ".join(bounds)


def _spell_count(word: str, low: int | None, high: int | None) -> str:
    if low is not None and low == high:
        return f"{word} = {low}"
    if low is not None and high is not None:
        return f"{word} between {low} and {high}"
    return f"{word} >= {low}" if high is None else f"{word} <= {high}"


def _literal(value: Scalar) -> str:
    if isinstance(value, str):
        return "'" + value.replace("'", "''") + "'"
    return repr(value)


def _word(finding: str) -> str:
    return finding if finding.isidentifier() else '"' + finding.replace('"', '""') + '"'
