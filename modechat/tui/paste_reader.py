"""Bracketed pastes in what the terminal sends, and what was typed before anything was read."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from modechat.tui.terminal_bytes import readable

START: Final = "\x1b[200~"
END: Final = "\x1b[201~"


@dataclass
class TypedBefore:
    """What was read from the terminal before Textual read it: it comes first, and once."""

    data: str = ""

    def take(self) -> str:
        """Return it, and forget it."""
        data, self.data = self.data, ""
        return data


class PasteReader:
    """Separates pastes from what comes outside of them, however the reads cut it."""

    def __init__(self) -> None:
        self._tail = ""
        """The end of what came outside, as long as it could begin a mark."""
        self._pasted: list[str] | None = None
        self._pasted_tail = ""

    @property
    def is_pasting(self) -> bool:
        return self._pasted is not None

    def read(self, data: str) -> Iterator[tuple[str, bool]]:
        """Yield pieces in order, each with True for a paste.

        A start mark belongs to what comes before the paste.
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
        """End the paste, and return what has come of it."""
        text = "".join(self._pasted or ()) + self._pasted_tail
        self._pasted, self._pasted_tail = None, ""
        return text


def pasted_text(text: str) -> str:
    """Return a paste as text, with newlines as its line ends."""
    return readable(text).replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
