"""What a user types at a prompt: the text, and which of its ranges are shown as one token.

A big paste is folded: it stands in the prompt as one token, and is the whole text wherever it is used. What is in a
fold was not typed: the marks of the interface (headers, commands, mentions of files) have no meaning there. What was
sent can be called back in the order of sending, as in a shell.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass

_MASK = "\x00"


@dataclass(frozen=True, slots=True)
class Typed:
    """A text at the prompt. `folds` are ranges of its characters, in order, that do not overlap."""

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
        """The text with NULs for what is in its folds, line ends apart: what was typed, where it stands."""
        text = self.text
        for start, end in self.folds:
            hidden = "\n".join(_MASK * len(line) for line in text[start:end].split("\n"))
            text = f"{text[:start]}{hidden}{text[end:]}"
        return text


def as_typed(text: str | Typed) -> Typed:
    """A plain text is all typed."""
    return Typed(text) if isinstance(text, str) else text


def joined(parts: Sequence[Typed], between: str = "\n\n") -> Typed:
    """The texts one after the other; empty ones are left out."""
    return _strung([part for part in parts if part], between)


def joined_lines(lines: Sequence[Typed]) -> Typed:
    """The lines as one text."""
    return _strung(lines, "\n")


def _strung(parts: Sequence[Typed], between: str) -> Typed:
    text = ""
    folds: list[tuple[int, int]] = []
    for number, part in enumerate(parts):
        if number:
            text += between
        folds += [(len(text) + start, len(text) + end) for start, end in part.folds]
        text += part.text
    return Typed(text, tuple(folds))


class Recall:
    """Walks through what was sent before. What is changed on the way stays so until something is sent."""

    def __init__(self, entries: Sequence[Typed] = ()) -> None:
        """`entries`: newest first."""
        self._entries = list(entries)
        self._at = -1
        self._changed: dict[int, Typed] = {}

    @property
    def entries(self) -> tuple[Typed, ...]:
        """Newest first."""
        return tuple(self._entries)

    @property
    def is_walking(self) -> bool:
        return self._at >= 0

    def load(self, entries: Sequence[Typed]) -> None:
        """What was sent in earlier runs: older than what was sent since."""
        self._entries += entries

    def add(self, entry: Typed) -> None:
        """Something was sent; the walk begins anew."""
        if entry and entry.text != (self._entries[0].text if self._entries else ""):
            self._entries.insert(0, entry)
        self.stop()

    def take_out(self, entry: Typed) -> None:
        """What was added last was not sent after all."""
        if self._entries and self._entries[0].text == entry.text:
            del self._entries[0]
            self.stop()

    def forget(self, kept: Collection[str]) -> None:
        """Only these texts are still kept."""
        self._entries = [entry for entry in self._entries if entry.text in kept]
        self.stop()

    def older(self, shown: Typed) -> Typed | None:
        """What was sent before that which is shown now; None if nothing was."""
        return self._step(shown, 1)

    def newer(self, shown: Typed) -> Typed | None:
        """What was sent after that; at the end the draft that the walk began with. None if that is shown."""
        return self._step(shown, -1)

    def as_sent(self, text: str) -> Typed:
        """`text` with the folds that it was sent with, as far as it was."""
        return next((entry for entry in self._entries if entry.text == text), Typed(text))

    def stop(self) -> None:
        self._at = -1
        self._changed.clear()

    def _step(self, shown: Typed, by: int) -> Typed | None:
        to = self._at + by
        if not -1 <= to < len(self._entries):
            return None
        self._changed[self._at] = shown
        self._at = to
        return self._changed.get(to) or (self._entries[to] if to >= 0 else Typed())
