"""Decodes the bytes that the terminal sends: UTF-8, and other bytes without an error.

Textual 8.2.8 decodes strictly, and ends the program at a byte that is not UTF-8. Such bytes come
from a paste in Latin-1, from a key of an 8-bit terminal, or from a mouse beyond column 95 in the
oldest protocol. Here such a byte becomes one character, a lone surrogate (Python's
`surrogateescape`), so that bytes can still be counted, as that protocol requires. `readable` turns
them into letters.
"""

from __future__ import annotations

import codecs
import re
import time
from typing import Final

_ERRORS: Final = "surrogateescape"
_REST: Final = 0.1
"""Seconds to wait after a read of nothing."""
_BYTES = re.compile("[\udc80-\udcff]+")
_SURROGATES = re.compile("[\ud800-\udfff]")


class TerminalBytes:
    """Decodes bytes that come in pieces.

    The beginning of a character waits for its rest until `finish` is called.
    """

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(_ERRORS)
        self.is_over = False
        """True after a read of nothing: the terminal is probably gone."""

    def decode(self, data: bytes, final: bool = False) -> str:
        if not data and not final:
            self.is_over = True
            time.sleep(_REST)  # reads from a terminal that is gone return at once, for ever
        return self._decoder.decode(data, final)

    def finish(self) -> str:
        """Return the beginning of a character that waits for its rest, because none comes."""
        return self._decoder.decode(b"", True)

    def reset(self) -> None:
        """Forget the beginning of a character."""
        self._decoder.reset()


def n_bytes(text: str) -> int:
    """Return the number of bytes that the terminal sent for the text."""
    others = _BYTES.sub("", text)
    return len(text) - len(others) + len(others.encode("utf-8", "surrogatepass"))


def readable(text: str) -> str:
    """Return the text with letters for bytes that are not UTF-8.

    Other surrogates are replaced, because they cannot be written.
    """
    if text.isascii():
        return text
    return _SURROGATES.sub("\ufffd", _BYTES.sub(_letters, text))


def _letters(found: re.Match[str]) -> str:
    return found[0].encode("ascii", _ERRORS).decode("cp1252", "replace")
