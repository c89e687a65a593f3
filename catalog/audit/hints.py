"""Many words looked for in one pass: hints in a file's bytes, signs in a flow of words."""

from __future__ import annotations

from collections.abc import Iterable

_BETWEEN = "[^A-Za-z0-9]*"  # all but the letters and digits of the Latin script
_NOTHING = r"[^\x00-\xff]"
_MEMORY = 64 << 20  # bytes that an automaton may take
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

    `words` are letters and digits of the Latin script, between which anything else may stand, so
    that no spelling, markup or line break hides one; `foreign` are those of other scripts, in
    UTF-8. The words are looked for in one pass over the bytes as they are, by RE2: to squeeze them
    first, for an automaton of plain words, takes longer.
    """

    def __init__(self, hints: Iterable[str]) -> None:
        import re2

        wanted = sorted(
            {each for each in hints if len(each) >= _SHORTEST}, key=lambda e: (len(e), e)
        )
        words: list[str] = []
        for hint in wanted:  # one that holds a shorter one says nothing more
            if hint.isascii() and not any(word in hint for word in words):
                words.append(hint)
        self.words = tuple(word.encode() for word in words)
        self.foreign = tuple(hint.encode() for hint in wanted if not hint.isascii())
        options = re2.Options()
        options.encoding = re2.Options.Encoding.LATIN1  # a byte is a byte
        options.case_sensitive = False
        options.never_capture = True
        options.max_mem = _MEMORY
        spelled = "|".join(map(_BETWEEN.join, words)) or _NOTHING
        self._pattern = re2.compile(spelled.encode(), options)

    def within(self, data: bytes) -> bool:
        """Whether any hint is within the bytes, whatever their case and punctuation."""
        if self._pattern.search(data) is not None:
            return True
        return not data.isascii() and any(word in data for word in self.foreign)
