"""DOIs, in the one form in which they are recorded and compared."""

from __future__ import annotations

import re
from urllib.parse import unquote

from ..schemas.errors import UsageError

_PREFIX = re.compile(r"(?:https?://(?:dx\.|www\.)?doi\.org/|doi:\s*|info:doi/)", re.IGNORECASE)
_FORM = re.compile(r"10\.\d{4,9}/[^\s]{1,280}")


def normalise(text: str) -> str:
    """Return a DOI without its resolver and in lower case: case does not count in DOIs.

    Raises `UsageError` for what is none. https://www.doi.org/the-identifier/resources/handbook

    >>> normalise("https://doi.org/10.1109/CVPR.2017.369")
    '10.1109/cvpr.2017.369'
    """
    bare = text.strip()
    prefix = _PREFIX.match(bare)
    if prefix is not None:
        bare = bare[prefix.end() :]
        if prefix.group().lower().startswith("http"):
            bare = unquote(bare)
    bare = "".join(letter.lower() if letter.isascii() else letter for letter in bare)
    if not (_FORM.fullmatch(bare) and bare.isprintable()):
        raise UsageError(f"{text[:80]!r} is not a DOI; write it as 10.1109/cvpr.2017.369")
    return bare
