"""Texts typed at a prompt, with folds: ranges that are shown as one token.

A big paste is folded: the prompt shows one token, and every use has the whole text. Text in a fold
was not typed, so the marks of the interface (headers, commands, mentions of files) have no meaning
there. Sent texts can be recalled in the order of sending, as in a shell.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

_MASK = "\x00"


@dataclass(frozen=True, slots=True)
class Typed:
    """A text at the prompt. `folds` are ordered ranges of its characters that do not overlap."""

    text: str = ""
    folds: tuple[tuple[int, int], ...] = ()

    def __post_init__(self) -> None:
        at = 0
        for start, end in self.folds:
            if not at <= start < end <= len(self.text):
                raise ValueError(f"no ranges of the text: {self.folds}")
            at = end

    def __bool__(self) -> bool:
        return bool(self.text)

    def masked(self) -> str:
        """Return the text with NULs in place of the characters in its folds, except line ends."""
        text = self.text
        for start, end in self.folds:
            hidden = "\n".join(_MASK * len(line) for line in text[start:end].split("\n"))
            text = f"{text[:start]}{hidden}{text[end:]}"
        return text


def as_typed(text: str | Typed) -> Typed:
    """Return `text` as a `Typed`; a plain text has no folds."""
    if isinstance(text, Typed):
        return text
    return Typed(text)


def joined(parts: Sequence[Typed], between: str = "\n\n") -> Typed:
    """Join the texts, without empty ones."""
    return _strung(list(filter(None, parts)), between)


def joined_lines(lines: Sequence[Typed]) -> Typed:
    """Join the lines to one text."""
    return _strung(lines, "\n")


def _strung(parts: Sequence[Typed], between: str) -> Typed:
    text = ""
    folds: list[tuple[int, int]] = []
    for number, part in enumerate(parts):
        if number:
            text += between
        for start, end in part.folds:
            folds.append((len(text) + start, len(text) + end))
        text += part.text
    return Typed(text, tuple(folds))


class Recall:
    """Walks through the texts that were sent. Changes on the way stay until something is sent."""

    def __init__(self, entries: Sequence[Typed] = ()) -> None:
        """`entries`: the texts that were sent, newest first."""
        self._entries = list(entries)
        self._at = -1
        self._changed: dict[int, Typed] = {}

    @property
    def entries(self) -> tuple[Typed, ...]:
        """The texts that were sent, newest first."""
        return tuple(self._entries)

    @property
    def is_walking(self) -> bool:
        return self._at >= 0

    def load(self, entries: Sequence[Typed]) -> None:
        """Add the texts of earlier runs, behind those of this run."""
        self._entries += entries

    def add(self, entry: Typed) -> None:
        """Add a text that was sent, unless it equals the last one. The walk begins anew."""
        is_repeated = bool(self._entries) and entry.text == self._entries[0].text
        if entry and not is_repeated:
            self._entries.insert(0, entry)
        self.stop()

    def take_out(self, entry: Typed) -> None:
        """Remove the entry that was added last, because it was not sent after all."""
        if self._entries and self._entries[0].text == entry.text:
            del self._entries[0]
            self.stop()

    def forget(self, kept: Collection[str]) -> None:
        """Remove all entries but those with the texts `kept`."""
        self._entries = [entry for entry in self._entries if entry.text in kept]
        self.stop()

    def older(self, shown: Typed) -> Typed | None:
        """Return the text that was sent before the shown one, or None if there is none."""
        return self._step(shown, 1)

    def newer(self, shown: Typed) -> Typed | None:
        """Return the text that was sent after the shown one; after the last one, the first draft.

        None if the draft is shown.
        """
        return self._step(shown, -1)

    def as_sent(self, text: str) -> Typed:
        """Return `text` with the folds that it was sent with, if it was sent."""
        for entry in self._entries:
            if entry.text == text:
                return entry
        return Typed(text)

    def stop(self) -> None:
        self._at = -1
        self._changed.clear()

    def _step(self, shown: Typed, by: int) -> Typed | None:
        to = self._at + by
        if not -1 <= to < len(self._entries):
            return None
        self._changed[self._at] = shown
        self._at = to
        changed = self._changed.get(to)
        if changed:
            return changed
        if to < 0:
            return Typed()
        return self._entries[to]
