"""Big pastes as tokens of the prompt, `[Pasted text #1 · 240 lines]`, and back.

A token is nothing but its text: what undo, cut and paste do to it needs no care, and a broken one is plain text.
"""

from __future__ import annotations

import re

from modechat.domain.typed import Typed

MOST_CHARACTERS = 2_000
MOST_LINES = 50
MOST_TO_OPEN = 20_000
LONGEST_LINE = 2_000
"""A longer line makes each key slow: Textual wraps and draws lines as a whole."""

_TOKEN = re.compile(r"\[Pasted text #\d+ · [\d,]+ (?:lines|characters)\]")


def is_big(text: str) -> bool:
    """Whether a paste of `text` becomes a token."""
    return len(text) > MOST_CHARACTERS or text.count("\n") >= MOST_LINES


def can_open(text: str) -> bool:
    """Whether `text` may stand in the prompt as it is."""
    return len(text) <= MOST_TO_OPEN and all(len(line) <= LONGEST_LINE for line in text.split("\n"))


class Folds:
    """The texts behind tokens. None is ever forgotten: undo may bring any token back."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._tokens: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """The token for `text`."""
        if text not in self._tokens:
            lines = text.removesuffix("\n").count("\n") + 1
            size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
            token = f"[Pasted text #{len(self._tokens) + 1} · {size}]"
            self._tokens[text], self._texts[token] = token, text
        return self._tokens[text]

    def text_of(self, token: str) -> str:
        return self._texts[token]

    def tokens(self, shown: str) -> list[tuple[int, int]]:
        """Where tokens stand in what the prompt shows."""
        if not self._texts:
            return []
        return [match.span() for match in _TOKEN.finditer(shown) if match[0] in self._texts]

    def typed(self, shown: str) -> Typed:
        """What is meant by what the prompt shows."""
        parts: list[str] = []
        folds: list[tuple[int, int]] = []
        at = length = 0
        for start, end in self.tokens(shown):
            text = self._texts[shown[start:end]]
            length += start - at
            parts += [shown[at:start], text]
            folds.append((length, length + len(text)))
            length += len(text)
            at = end
        return Typed("".join([*parts, shown[at:]]), tuple(folds))

    def shown(self, typed: Typed) -> str:
        """What the prompt shows for a text: its folds as tokens, and what cannot stand there as it is."""
        parts: list[str] = []
        at = 0
        for start, end in typed.folds:
            parts += [typed.text[at:start], self.fold(typed.text[start:end])]
            at = end
        shown = "".join([*parts, typed.text[at:]])
        return shown if can_open(shown) else self.fold(typed.text)

    def edited(self, before: Typed, text: str) -> Typed:
        """What was `before`, after it was edited elsewhere to `text`: folds that were left alone stay folded."""
        folds: list[tuple[int, int]] = []
        at = 0
        for start, end in before.folds:
            folded = before.text[start:end]
            found = text.find(folded, at)
            if found >= 0:
                at = found + len(folded)
                folds.append((found, at))
        return Typed(text, tuple(folds))
