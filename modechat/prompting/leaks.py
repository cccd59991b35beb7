"""Finds where a reply begins to write another role's turn: a sign of a wrong prompt format.

In the model's own format only its control tokens are searched for, because it means everything else
that it writes.

False alarms cut honest text, so they are worse than misses: words of the conversation itself, code
and quoted text never count.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable

_QUOTES = "`\"'´“”„‟‘’‚‛«»‹›「『"

# Turn tokens of models, role brackets of Llama 2 and Mistral, and Alpaca's headings: no text has
# them by chance.
_UNMISTAKABLE = re.compile(
    r"<\|[^<>\s]+>|<[^<>\s]+\|>|<｜[^<>]+｜>|<\w+_of_turn>|\[\|\w+\|\]|\[/?[A-Z_]+\]|<</?[A-Z]+>>"
    r"|\#{2,} ?\w[\w ]*:"
)
_PLAIN = re.compile(r"[^\W_][\w ]*:")

_FENCE = re.compile(r"[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)*(`{3,}(?!.*`)|~{3,})")
_FENCE_END = re.compile(r"[ \t>]*(`{3,}|~{3,})\s*")


def own_stops(template: str, markers: Iterable[str], tokens: Collection[str]) -> tuple[str, ...]:
    """Return the markers that `template` writes as plain text, not as tokens of the vocabulary.

    A model that was trained on them may end its turn by beginning the next one, which is no sign of
    a wrong format. A word with a colon counts at the start of a line.
    """
    stops: list[str] = []
    for marker in sorted(markers):
        if marker not in template or marker in tokens:
            continue
        if _PLAIN.fullmatch(marker):
            marker = f"\n{marker}"
        stops.append(marker)
    return tuple(stops)


class LeakDetector:
    """Finds the first of several role markers to be complete in a reply that arrives in pieces.

    Unmistakable markers (`<|im_start|>`, `[INST]`, `### Instruction:`) count anywhere. A word with
    a colon (`User:`) counts at the start of a line, but not of the reply's first one. Other markers
    are ignored, and so is outer white space of markers. A marker that occurs in the texts of the
    conversation does not count; for a word, upper and lower case are the same. Nothing counts
    inside code or after a quotation mark.

    Text that could be the beginning of a marker is held back until it is decided. The pieces make
    no difference: of overlapping markers, the one that ends first counts; if several end together,
    the longest.
    """

    def __init__(self, markers: Iterable[str], conversation: Iterable[str]) -> None:
        texts = tuple(conversation)
        folded = [text.casefold() for text in texts]
        tokens: set[str] = set()
        words: set[str] = set()
        for marker in map(str.strip, markers):
            if _UNMISTAKABLE.match(marker) and not any(marker in text for text in texts):
                tokens.add(marker)
            if _PLAIN.fullmatch(marker) and not _is_talked_about(marker, folded):
                words.add(marker)
        tokens = _first_to_be_complete(tokens)
        self._marker = _pattern(tokens, words)
        self._beginnings = _beginnings(tokens)
        self._beginnings_of_words = _beginnings(words)
        self._longest = max(map(len, self._beginnings | self._beginnings_of_words), default=0)
        self._place = _Place()
        self._held = ""
        self._found: str | None = None

    def feed(self, piece: str) -> tuple[str, str | None]:
        """Return the text that may be shown now, and the marker if one was found.

        After a marker nothing more will come.
        """
        if self._found is not None:
            return "", self._found
        shown = self._place.last  # put in front for patterns with a look-behind, then removed
        text = shown + self._held + piece
        start = at = len(shown)
        while match := self._marker.search(text, at):
            self._place.move(text[start : match.start()])
            start, at = match.start(), match.start() + 1
            if self._counts(match[0]):
                self._found, self._held = match[0], ""
                return text[len(shown) : start], self._found
        for at in range(max(start, len(text) - self._longest), len(text)):
            if self._begins(text[at:], text[at - 1 : at]):
                self._place.move(text[start:at])
                start = at
                if self._counts(text[at:]):
                    self._held = text[at:]
                    return text[len(shown) : at], None
        self._place.move(text[start:])
        self._held = ""
        return text[len(shown) :], None

    def flush(self) -> str:
        """Return the text held back, at the end of the reply."""
        held, self._held = self._held, ""
        return held

    def _begins(self, end: str, before: str) -> bool:
        """Return True if a marker could begin with `end` after the character `before`."""
        if before == "\n" and end in self._beginnings_of_words:
            return True
        return end in self._beginnings and (not before or before not in _QUOTES)

    def _counts(self, marker: str) -> bool:
        """Return True if `marker`, or a beginning of one, counts at the place that was reached."""
        if self._place.in_code:
            return False
        return self._place.after_first_line or not marker[0].isalnum()


class _Place:
    """The place that was reached in a reply.

    Tracks Markdown's code; in doubt, a place is in code.
    """

    def __init__(self) -> None:
        self.last = ""
        """The character before; empty at the reply's beginning."""
        self.after_first_line = False
        self._line: list[str] = []
        self._ticks = 0
        """The number of backticks in a row that were just passed."""
        self._span = 0
        """The number of backticks that began the code around the place; 0 outside code.

        Code ends with the line.
        """
        self._fence = ""

    @property
    def in_code(self) -> bool:
        return bool(self._fence or self._span)

    def move(self, text: str) -> None:
        """Move past `text`."""
        first, *others = text.split("\n")
        self._extend(first)
        for line in others:
            self._end_line()
            self._extend(line)

    def _extend(self, text: str) -> None:
        if not text:
            return
        if self._ticks or "`" in text:
            for run in re.findall("`+|[^`]+", text):
                if run[0] == "`":
                    self._ticks += len(run)
                else:
                    self._pass_ticks()
        self._line.append(text)
        self.last = text[-1]

    def _pass_ticks(self) -> None:
        if not self._span:
            self._span = self._ticks
        elif self._ticks == self._span:
            self._span = 0
        self._ticks = 0

    def _end_line(self) -> None:
        line = "".join(self._line)
        if self._fence:
            closed = _FENCE_END.fullmatch(line)
            if closed and closed[1].startswith(self._fence):
                self._fence = ""
        else:
            opened = _FENCE.match(line)
            if opened:
                self._fence = opened[1]
        self.after_first_line = self.after_first_line or bool(line.strip())
        self.last = "\n"
        self._ticks = self._span = 0
        self._line.clear()


def _pattern(tokens: Iterable[str], words: Iterable[str]) -> re.Pattern[str]:
    """Return a pattern for markers after a character after which they count.

    Without markers the pattern never matches.
    """
    not_quoted = f"(?<![{re.escape(_QUOTES)}])"
    alternatives = [not_quoted + re.escape(token) for token in sorted(tokens)]
    alternatives += [r"(?<=\n)" + re.escape(word) for word in sorted(words)]
    return re.compile("|".join(alternatives) or r"(?!)")


def _first_to_be_complete(tokens: set[str]) -> set[str]:
    """Return the tokens, except those that contain another one before their end."""
    first: set[str] = set()
    for token in tokens:
        if not any(other in token[:-1] for other in tokens if other != token):
            first.add(token)
    return first


def _beginnings(markers: Iterable[str]) -> frozenset[str]:
    """Return the proper beginnings of the markers."""
    return frozenset(marker[:end] for marker in markers for end in range(1, len(marker)))


def _is_talked_about(marker: str, texts: Iterable[str]) -> bool:
    """Return True if the word of a `Word:` is in one of the texts, which are case-folded."""
    word = marker.removesuffix(":").rstrip().casefold()
    whole = re.compile(rf"(?<!\w){re.escape(word)}(?!\w)")
    return any(word in text and whole.search(text) for text in texts)
