"""Text that nobody vouches for, made safe in Markdown: it is shown as it is and does nothing."""

from __future__ import annotations

import re
import textwrap
from collections.abc import Sequence

from .facts import clean

_SPECIAL = re.compile(r"[\\`*\[\]<>|~$]|(?<!\w)_|_(?!\w)|&(?=#?\w+;)")
_LEADING = re.compile(r"(?:\d{1,9}(?=[.)](?:\s|$))|(?=[-+=#]))")
_IN_CODE = re.compile(r"[\\`*_\[\]<>|~$&!#]")
_ESCAPED = re.compile(r"\\([!-/:-@\[-`{-~])")
_WIDTH = 96


def prose(text: str) -> str:
    """Return the text on one line, with a backslash before what Markdown would take for its own."""
    escaped = _escaped(clean(text))
    leading = _LEADING.match(escaped)
    if leading is None:
        return escaped
    return escaped[: leading.end()] + "\\" + escaped[leading.end() :]


def with_code(text: str) -> str:
    """Return the text as `prose` does, except that what stands between backticks is code."""
    pieces = clean(text).split("`")
    if len(pieces) % 2 == 0:
        return prose(text)
    return "".join(code(piece) if n % 2 else _escaped(piece) for n, piece in enumerate(pieces))


def code(text: str) -> str:
    """Return the text on one line as code that may also stand in a table.

    A pipe would end the table's cell and a backtick the code, so a text that has one of them is
    written in HTML.
    """
    text = clean(text)
    if text and "`" not in text and "|" not in text:
        return f"`{text}`"
    return "<code>" + _IN_CODE.sub(lambda match: f"&#{ord(match[0])};", text) + "</code>"


def fenced(text: str, language: str = "text") -> str:
    """Return a block of code, its lines filled, behind a fence that the text cannot close."""
    lines = textwrap.fill(text, _WIDTH, break_long_words=False, break_on_hyphens=False)
    return fenced_lines(lines, language)


def fenced_lines(lines: str, language: str = "text") -> str:
    """Return a block of code, its lines as they are, behind a fence that they cannot close."""
    longest = max((len(run) for run in re.findall(r"`+", lines)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}{language}\n{lines}\n{fence}"


def table(head: Sequence[str], rows: Sequence[Sequence[str]], numbers: int = 0) -> str:
    """Return a table of cells that are Markdown already; the last `numbers` columns align right."""
    rule = ["---"] * (len(head) - numbers) + ["---:"] * numbers
    return "\n".join("| " + " | ".join(row) + " |" for row in (head, rule, *rows))


def unescaped(text: str) -> str:
    """Return Markdown without the backslashes that `prose` put in."""
    return _ESCAPED.sub(r"\1", text)


def _escaped(text: str) -> str:
    return _SPECIAL.sub(lambda match: "\\" + match[0], text)
