"""A checksum that says what it is: ``xxh128:9f…``."""

from __future__ import annotations

import re
from dataclasses import dataclass

from .errors import InputError

_HEX_DIGITS = {"xxh128": 32, "md5": 32, "sha256": 64, "crc32c": 8}
_SPELLING = re.compile(r"(?P<algorithm>[a-z0-9]+):(?P<digest>[0-9a-f]+)")


@dataclass(frozen=True, slots=True, order=True)
class Checksum:
    """An algorithm and its digest in lower-case hexadecimal."""

    algorithm: str
    digest: str

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.digest}"

    @classmethod
    def parse(cls, text: str) -> Checksum:
        """Read ``algorithm:digest``; raise `InputError` for anything else."""
        match = _SPELLING.fullmatch(text)
        if match is None or _HEX_DIGITS.get(match["algorithm"]) != len(match["digest"]):
            known = ", ".join(_HEX_DIGITS)
            raise InputError(f"{text!r} is not a checksum; write algorithm:digest, one of {known}")
        return cls(match["algorithm"], match["digest"])
