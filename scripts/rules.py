"""Write docs/rules.md: a section a rule of `cxrcat audit`, from what the rules say themselves."""

from __future__ import annotations

from pathlib import Path

from cxrcat.catalog.audit.rules import rules

OUT = Path(__file__).parent.parent / "docs" / "rules.md"

HEAD = """# The rules of an audit

`cxrcat audit` asks every project these questions. What each weighs can be changed by the project,
or switched off, see [audit.md](audit.md#what-a-project-can-say). This page is written by
`scripts/rules.py` from the rules themselves.
"""


def page() -> str:
    """Return the text of the page."""
    sections = [
        f"## {rule.id}\n\n{rule.title} ({rule.severity}).\n\n{rule.why}\n\n"
        f"**Mend it:** {rule.mend}\n"
        for rule in rules()
    ]
    return "\n".join([HEAD, *sections])


if __name__ == "__main__":
    OUT.write_text(page(), "utf-8")
