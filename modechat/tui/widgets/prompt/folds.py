"""Replaces big pastes by tokens, `[Pasted text #1 · 240 lines]`, and tokens by their texts.

A token is only its text: undo, cut and paste need no special care, and a damaged token is plain
text.
"""

from __future__ import annotations

import itertools
import re

from modechat.domain.text import is_editable
from modechat.domain.typed import Typed

MOST_CHARACTERS = 2_000
MOST_LINES = 50
MOST_TO_OPEN = 20_000
LONGEST_LINE = 2_000
"""A longer line makes each key slow: Textual wraps and draws lines as a whole."""

_TOKEN = re.compile(r"\[Pasted text #\d+ · [\d,]+ (?:lines|characters)\]")


def is_data(text: str) -> bool:
    """Return True if a paste of `text` becomes a token: if it is big, or if a part of it would act.

    A single line counts as typed.
    """
    if len(text) > MOST_CHARACTERS or text.count("\n") >= MOST_LINES or not is_editable(text):
        return True
    # Imported at the first paste, because the first frame does not need it.
    from modechat.commands.pasted import would_act

    return would_act(text)


def can_open(text: str) -> bool:
    """Return True if `text` may stand in the prompt as it is."""
    if len(text) > MOST_TO_OPEN or not is_editable(text):
        return False
    return all(len(line) <= LONGEST_LINE for line in text.split("\n"))


class Folds:
    """The texts of tokens. None is ever forgotten: undo may bring any token back."""

    def __init__(self) -> None:
        self._texts: dict[str, str] = {}
        self._tokens: dict[str, str] = {}

    def fold(self, text: str) -> str:
        """Return the token for `text`."""
        if text not in self._tokens:
            lines = text.removesuffix("\n").count("\n") + 1
            size = f"{lines:,} lines" if lines > 1 else f"{len(text):,} characters"
            token = f"[Pasted text #{len(self._tokens) + 1} · {size}]"
            self._tokens[text], self._texts[token] = token, text
        return self._tokens[text]

    def text_of(self, token: str) -> str:
        return self._texts[token]

    def tokens(self, shown: str) -> list[tuple[int, int]]:
        """Return the spans of the tokens in a text that the prompt shows."""
        if not self._texts:
            return []
        return [match.span() for match in _TOKEN.finditer(shown) if match[0] in self._texts]

    def typed(self, shown: str) -> Typed:
        """Return the text that is meant by what the prompt shows."""
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
        """Return the text to show: folds, and texts that cannot stand there, become tokens."""
        parts: list[str] = []
        at = 0
        for start, end in typed.folds:
            parts += [typed.text[at:start], self.fold(typed.text[start:end])]
            at = end
        shown = "".join([*parts, typed.text[at:]])
        if can_open(shown):
            return shown
        shown = self._shown_around(typed)
        if can_open(shown):
            return shown
        return self.fold(typed.text)

    def _shown_around(self, typed: Typed) -> str:
        """Return the commands and headers of the text, with tokens for everything between them."""
        parts: list[str] = []
        at = 0
        for start, end in [*_acting(typed), (len(typed.text), len(typed.text))]:
            between = typed.text[at:start]
            core = between.strip(" \n")
            if core:
                between = between.replace(core, self.fold(core))
            parts += [between, typed.text[start:end]]
            at = end
        return "".join(parts)

    def edited(self, before: Typed, text: str) -> Typed:
        """Return `text`, the edited form of `before`, with the folds that are still in it."""
        folds: list[tuple[int, int]] = []
        at = 0
        for start, end in before.folds:
            folded = before.text[start:end]
            found = text.find(folded, at)
            if found >= 0:
                at = found + len(folded)
                folds.append((found, at))
        return Typed(text, tuple(folds))


def _acting(typed: Typed) -> list[tuple[int, int]]:
    """Return the spans of the command and the headers that have a meaning in the text."""
    from modechat.commands.slash import read_slash
    from modechat.domain.mode import INSTRUCT
    from modechat.domain.modes import headers

    if read_slash(typed) is not None:
        n_blanks = len(typed.text) - len(typed.text.lstrip())
        command, _, _ = typed.text[n_blanks:].partition("\n")
        return [(0, n_blanks + min(LONGEST_LINE, len(command)))]
    lines = typed.text.split("\n")
    starts = list(itertools.accumulate((len(line) + 1 for line in lines), initial=0))
    acting: list[tuple[int, int]] = []
    for found in headers(typed, INSTRUCT):
        start = starts[found.line]
        acting.append((start + found.start, start + found.end))
    return acting
