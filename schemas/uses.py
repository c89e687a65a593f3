"""The kinds of uses, and a use that waits in the spool for its catalog."""

from __future__ import annotations

from enum import StrEnum


class UseKind(StrEnum):
    """What became of a slice."""

    TRAINING = "training"
    EVALUATION = "evaluation"
    ANNOTATION = "annotation"
    PUBLICATION = "publication"
    REDISTRIBUTION = "redistribution"
    OTHER = "other"

    @property
    def named(self) -> str:
        """The kind as a sentence has it: ``an evaluation``."""
        if self is UseKind.OTHER:
            return "another use"
        return f"{'an' if self.value[0] in 'aeiou' else 'a'} {self.value}"


class ArtifactKind(StrEnum):
    """What a use made: a file, a folder of files, or something at a URL."""

    FILE = "file"
    FOLDER = "folder"
    URL = "url"
