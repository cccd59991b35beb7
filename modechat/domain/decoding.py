"""Decodes bytes from outside to text, by one rule for standard input, files and attachments.

A byte order mark names the Unicode encoding; without one it is UTF-8. Bytes that are not valid in
that encoding, or include NULs, are refused as a whole. Line ends become newlines. Nothing else
changes.
"""

from __future__ import annotations

import codecs

_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MAX_MARK = 4
_MIN_PAIRS = 4
_BYTES_JUDGED = 4_000
"""Bytes that are examined to judge a text without a mark."""


class NotText(Exception):
    """The bytes are no text. The message ends a sentence about them: "is not UTF-8 text"."""

    def __init__(self, reason: str, hint: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hint = hint


class TextDecoder:
    """Decodes bytes that arrive in pieces. Raises NotText for a piece that is no text."""

    def __init__(self) -> None:
        self._begin = b""
        self._decoder: codecs.IncrementalDecoder | None = None
        self._ends_with_return = False

    def feed(self, data: bytes, *, final: bool = False) -> str:
        """Return the text of one more piece, without an incomplete character at its end.

        `final`: no more pieces will come.
        """
        if self._decoder is None:
            self._begin += data
            if len(self._begin) < _MAX_MARK and not final:
                return ""
            encoding, mark = _encoding_of(self._begin)
            data = self._begin.removeprefix(mark)
            self._decoder = codecs.getincrementaldecoder(encoding)()
            self._begin = self._begin[:_BYTES_JUDGED]
        try:
            text = self._decoder.decode(data, final)
        except UnicodeDecodeError:
            raise _not_text(self._begin or data) from None
        if "\x00" in text:
            raise _not_text(self._begin or data)
        return self._with_newlines(text, final=final)

    def _with_newlines(self, text: str, *, final: bool) -> str:
        if self._ends_with_return:
            text = "\r" + text
        self._ends_with_return = text.endswith("\r") and not final
        if self._ends_with_return:
            text = text[:-1]
        return text.replace("\r\n", "\n").replace("\r", "\n")


def decode_text(data: bytes) -> str:
    """Return `data` as text. Raises NotText."""
    return TextDecoder().feed(data, final=True)


def is_binary(start: bytes) -> bool:
    """Return True if a file that begins with `start` is surely no text."""
    return b"\x00" in start and _encoding_of(start)[0] == "utf-8"


def _encoding_of(data: bytes) -> tuple[str, bytes]:
    """Return the encoding and the byte order mark at the beginning, if any."""
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return encoding, mark
    return "utf-8", b""


def _not_text(begin: bytes) -> NotText:
    encoding, mark = _encoding_of(begin)
    if mark and encoding != "utf-8":
        return NotText(
            f"begins with the mark of {encoding[:6].upper()}, but is no whole text in it",
            "Write it anew.",
        )
    half = _half_of_utf16(begin[:_BYTES_JUDGED])
    if half:
        return NotText(
            "is UTF-16 without a mark at its beginning",
            f"Convert it: iconv -f {half} -t utf-8 FILE",
        )
    if b"\x00" in begin:
        return NotText("has NULs in it, so it is no text", "Give a text file.")
    return NotText("is not UTF-8 text", "Convert it: iconv -f latin1 -t utf-8 FILE")


def _half_of_utf16(data: bytes) -> str:
    """Return `utf-16le` or `utf-16be` if every second byte is mostly a NUL, else ""."""
    pairs = len(data) // 2
    if pairs < _MIN_PAIRS:
        return ""
    for first_nul, name in ((1, "utf-16le"), (0, "utf-16be")):
        nuls, others = data[first_nul::2].count(0), data[1 - first_nul :: 2].count(0)
        if 2 * nuls > pairs and others == 0:
            return name
    return ""
