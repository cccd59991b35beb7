"""Finds bracketed pastes in the terminal's input, and keeps what was typed before the start."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modechat.tui.terminal_bytes import readable

START: Final = "\x1b[200~"
END: Final = "\x1b[201~"


@dataclass
class TypedBefore:
    """Text that was read from the terminal before Textual read it.

    It is handled first, and once.
    """

    data: str = ""

    def take(self) -> str:
        """Return the text, and forget it."""
        data, self.data = self.data, ""
        return data


class PasteReader:
    """Separates pastes from other input, even if a mark comes in several reads."""

    def __init__(self) -> None:
        self._tail = ""
        """The end of the input outside pastes, as long as it could begin a mark."""
        self._pasted: list[str] | None = None
        self._pasted_tail = ""

    @property
    def is_pasting(self) -> bool:
        return self._pasted is not None

    def read(self, data: str) -> Iterator[tuple[str, bool]]:
        """Yield pieces in order, each with True for a paste.

        A start mark belongs to the piece before the paste.
        """
        while data:
            if self._pasted is None:
                seen = self._tail + data
                at = seen.find(START)
                if at < 0:
                    self._tail = seen[-len(START) + 1 :]
                    yield data, False
                    return
                end = at + len(START) - len(self._tail)
                self._tail, self._pasted = "", []
                yield data[:end], False
            else:
                seen = self._pasted_tail + data
                at = seen.find(END)
                if at < 0:
                    keep = len(END) - 1
                    self._pasted.append(seen[:-keep])
                    self._pasted_tail = seen[-keep:]
                    return
                end = at + len(END) - len(self._pasted_tail)
                self._pasted.append(seen[:at])
                self._pasted_tail = ""
                yield self.finish(), True
            data = data[end:]

    def finish(self) -> str:
        """End the paste, and return its text."""
        text = "".join(self._pasted or ()) + self._pasted_tail
        self._pasted, self._pasted_tail = None, ""
        return text


def pasted_text(text: str) -> str:
    """Return a paste as text, with newlines as line ends."""
    return readable(text).replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
