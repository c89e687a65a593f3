"""Many words looked for in one pass: hints in a file's bytes, signs in a flow of words."""

from __future__ import annotations

from collections.abc import Iterable

_KEPT = b"abcdefghijklmnopqrstuvwxyz0123456789"
_LOWER = bytes(range(256)).lower()
_DROPPED = bytes(byte for byte in range(256) if bytes((byte,)).lower() not in _KEPT or byte > 127)
_SHORTEST = 3  # letters
_MOST = 150  # places of one word that are looked at: a text says a thing once, or a few times


class Lexicon:
    """Squeezed words that are looked for in squeezed flows, all in one pass."""

    def __init__(self, words: Iterable[str]) -> None:
        from ahocorasick_rs import AhoCorasick, Implementation

        self.words = list(dict.fromkeys(words))
        self.known = frozenset(self.words)
        self._automaton = AhoCorasick(self.words, implementation=Implementation.DFA)

    def places(self, squeezed: str) -> dict[str, list[int]]:
        """Return where each word begins, in order; of one that fills a text, the first places."""
        places: dict[str, list[int]] = {}
        for which, start, _ in self._automaton.find_matches_as_indexes(squeezed, overlapping=True):
            begins = places.setdefault(self.words[which], [])
            if len(begins) < _MOST:
                begins.append(start)
        return places


class Hints:
    """Squeezed words, one of which stands in every text that concerns a reader.

    `words` are letters and digits of the Latin script, looked for in bytes from which all else was
    dropped, so that no spelling, markup or line break hides one; `foreign` are those of other
    scripts, in UTF-8. All are looked for in one pass.
    """

    def __init__(self, hints: Iterable[str]) -> None:
        from ahocorasick_rs import BytesAhoCorasick, Implementation

        wanted = sorted(
            {each for each in hints if len(each) >= _SHORTEST}, key=lambda e: (len(e), e)
        )
        words: list[str] = []
        for hint in wanted:  # one that holds a shorter one says nothing more
            if hint.isascii() and not any(word in hint for word in words):
                words.append(hint)
        self.words = tuple(word.encode() for word in words)
        self.foreign = tuple(hint.encode() for hint in wanted if not hint.isascii())
        self._automaton = BytesAhoCorasick(list(self.words), implementation=Implementation.DFA)

    def within(self, data: bytes) -> bool:
        """Whether any hint is within the bytes, whatever their case and punctuation."""
        if self._automaton.find_matches_as_indexes(data.translate(_LOWER, _DROPPED)):
            return True
        return not data.isascii() and any(word in data for word in self.foreign)
