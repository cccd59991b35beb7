"""The bytes that the terminal sends, as text: UTF-8, and other bytes as text all the same.

Textual 8.2.8 decodes strictly, and ends the program at a byte that is no UTF-8: of a paste in
Latin-1, of a key that an 8-bit terminal sends, of a mouse beyond column 95 in the oldest protocol.
Such a byte becomes one character of its own here, a lone surrogate (Python's `surrogateescape`), so
that bytes can still be counted, as that protocol requires. `readable` makes letters of them.
"""

from __future__ import annotations

import codecs
import re
import time
from typing import Final

_ERRORS: Final = "surrogateescape"
_REST: Final = 0.1
"""Seconds."""
_BYTES = re.compile("[\udc80-\udcff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class TerminalBytes:
    """Decodes bytes that come in pieces.

    A character that is cut waits for its rest until `finish` is called.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(_ERRORS)
        self.is_over = False
        """True after a read of nothing: then the terminal is probably gone."""

    def decode(self, data: bytes, final: bool = False) -> str:
        if not data and not final:
            self.is_over = True
            time.sleep(_REST)  # a terminal that is gone can be read at once, for ever
        return self._decoder.decode(data, final)

    def finish(self) -> str:
        """Return what waits for its rest: none comes."""
        return self._decoder.decode(b"", True)

    def reset(self) -> None:
        """Forget what waits."""
        self._decoder.reset()


def n_bytes(text: str) -> int:
    """Return as how many bytes the terminal sent the text."""
    others = _BYTES.sub("", text)
    return len(text) - len(others) + len(others.encode("utf-8", "surrogatepass"))


def readable(text: str) -> str:
    """Return the text with letters for bytes that are no UTF-8, and without surrogates, which
    cannot be written.
    """
    if text.isascii():
        return text
    return _SURROGATES.sub("\ufffd", _BYTES.sub(_letters, text))


def _letters(found: re.Match[str]) -> str:
    return found[0].encode("ascii", _ERRORS).decode("cp1252", "replace")
