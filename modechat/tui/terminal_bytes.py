"""The bytes that the terminal sends, as text: UTF-8, and what is none as text all the same.

Textual 8.2.8 decodes strictly, and ends the program at a byte that is no UTF-8: of a paste in Latin-1, of a key that an
8-bit terminal sends, of a mouse beyond column 95 in the oldest protocol. Such a byte becomes one character of its own
here, a lone surrogate, as Python's `surrogateescape` has it: so whoever counts bytes, as that protocol does, still can.
`readable` makes characters of them.
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
    """Decodes what comes in pieces. A character that is cut waits for its rest until `finish` says that none comes."""

    def __init__(self) -> None:
        self._decoder = codecs.getincrementaldecoder("utf-8")(_ERRORS)
        self.is_over = False
        """Whether a read came to nothing: then the terminal is probably gone."""

    def decode(self, data: bytes, final: bool = False) -> str:
        if not data and not final:
            self.is_over = True
            time.sleep(_REST)  # a terminal that is gone can be read at once, for ever
        return self._decoder.decode(data, final)

    def finish(self) -> str:
        """What waits for its rest."""
        return self._decoder.decode(b"", True)

    def reset(self) -> None:
        """Forget what waits."""
        self._decoder.reset()


def n_bytes(text: str) -> int:
    """As how many bytes the terminal sent it."""
    others = _BYTES.sub("", text)
    return len(text) - len(others) + len(others.encode("utf-8", "surrogatepass"))


def readable(text: str) -> str:
    """With the letters that bytes which are no UTF-8 probably are, and without surrogates, which nothing can write."""
    if text.isascii():
        return text
    text = _BYTES.sub(
        lambda found: found[0].encode("ascii", _ERRORS).decode("cp1252", "replace"), text
    )
    return _SURROGATES.sub("\ufffd", text)
