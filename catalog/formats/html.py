"""Pages that need nothing else: no script, no font, no address of elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

_STYLE = """
:root { color-scheme: light dark; --line: #8886; --soft: #8882; }
body { font: 16px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; }
table { border-collapse: collapse; width: 100%; margin: .5rem 0 1rem; }
th, td { text-align: left; vertical-align: top; padding: .3rem .6rem; }
tr { border-bottom: 1px solid var(--line); }
td.number { text-align: right; font-variant-numeric: tabular-nums; }
.error { color: #c0392b; }
.warning { color: #b7791f; }
.note { color: #2b6cb0; }
.ok { color: #2f855a; }
code { background: var(--soft); padding: 0 .25em; border-radius: .2em; overflow-wrap: anywhere; }
section { border-top: 2px solid var(--line); margin-top: 2rem; }
blockquote { margin: .2rem 0; padding-left: .8rem; border-left: 3px solid var(--line); }
"""


def page(title: str, body: str) -> str:
    """Return a page of its own around a body."""
    return (
        '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        '<meta http-equiv="Content-Security-Policy" content="default-src \'none\'; '
        "style-src 'unsafe-inline'\">\n"
        f"<title>cxrcat: {escape(title)}</title>\n<style>{_STYLE}</style>\n</head>\n"
        f"<body>\n<h1>{escape(title)}</h1>\n{body}</body>\n</html>\n"
    )


def table(head: tuple[str, ...], rows: Sequence[tuple[str, ...]], numbers: range = range(0)) -> str:
    """Return a table; the cells are HTML already."""
    if not rows:
        return ""
    titles = "".join(f"<th>{escape(each)}</th>" for each in head)
    lines = []
    for row in rows:
        cells = [
            f'<td class="number">{cell}</td>' if place in numbers else f"<td>{cell}</td>"
            for place, cell in enumerate(row)
        ]
        lines.append(f"<tr>{''.join(cells)}</tr>\n")
    return (
        f"<table>\n<thead><tr>{titles}</tr></thead>\n<tbody>\n{''.join(lines)}</tbody>\n</table>\n"
    )
