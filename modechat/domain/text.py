"""Makes text from a model, a user or a file safe to show, and finds stop strings in it.

`sanitize` is only for text that is shown. Text that is kept or sent stays as it was written.
"""

from __future__ import annotations

import json
from collections.abc import Iterable

from modechat.domain.key_names import KEY_MARKS

# C0 controls (but tab and newline) and DEL become their visible pictures (U+2400 ff.). C1 controls
# and the bidirectional overrides have no pictures and become the replacement character. So do the
# marks of keys, which only our own messages may have. Unicode's own line separators become
# newlines, so that everyone counts the same lines.
DIRECTIONS = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
"""Marks that change the direction of writing: terminals reorder a line because of them."""
_UNSAFE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {127: 0x2421}
_UNSAFE |= {0x2028: 0x0A, 0x2029: 0x0A}
_UNSAFE |= dict.fromkeys([*range(0x80, 0xA0), *map(ord, DIRECTIONS + KEY_MARKS)], 0xFFFD)
_EDITABLE = DIRECTIONS + KEY_MARKS
_WITHOUT_CONTROLS = {code: safe for code, safe in _UNSAFE.items() if chr(code) not in _EDITABLE}


def sanitize(text: str) -> str:
    """Return `text` without characters that act on a terminal.

    It works character by character, so a sequence that is split over several calls cannot get
    through.
    """
    return text.translate(_UNSAFE)


def without_controls(text: str) -> str:
    """Return `text` as a line editor can hold it: as `sanitize`, but with direction marks."""
    return text.translate(_WITHOUT_CONTROLS)


def is_editable(text: str) -> bool:
    """Return True if a line editor can hold `text` unchanged."""
    return without_controls(text) == text


def sanitize_line(text: str) -> str:
    """Return `text` safe to show in one line: as `sanitize`, with white space folded."""
    return sanitize(" ".join(text.split()))


def storable(text: str) -> str:
    """Return `text` with U+FFFD for lone surrogates, which neither JSON nor SQLite can hold.

    Broken terminals, templates and JSON may have them.
    """
    return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


def shortened(line: str, width: int) -> str:
    """Return `line`, cut to `width` characters with an ellipsis at its end if it is longer."""
    if len(line) <= width:
        return line
    return line[: width - 1].rstrip() + "…"


def in_short(text: str, width: int) -> str:
    """Return `text` in one line, cut to `width` characters."""
    return shortened(" ".join(text.split()), width)


def quoted(text: str) -> str:
    """Return `text` in quotation marks, with JSON's escapes for what cannot be seen."""
    return json.dumps(text, ensure_ascii=False)


_ENDS = (".", "!", "?", "…", ":")
_CLOSING = "”’\"')]»"


def ended(sentence: str) -> str:
    """Return `sentence` with a period, unless it ends with a mark, perhaps inside quotes."""
    sentence = sentence.rstrip()
    if not sentence or sentence.rstrip(_CLOSING).endswith(_ENDS):
        return sentence
    return f"{sentence}."


def in_one_line(title: str, hint: str = "") -> str:
    """Join what happened and what to do as sentences. A hint may end with a command."""
    return f"{ended(title)} {hint}".strip()


class LineEnds:
    """Turns each `\\r\\n` of a text that arrives in pieces into a newline, even if it is split."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        return text.removesuffix("\r").replace("\r\n", "\n")

    def flush(self) -> str:
        """Return the text held back, when no more text will come."""
        held, self._held = self._held, ""
        return held


class StopMatcher:
    """Finds the first stop string that is complete in a text that arrives in pieces.

    Text that could be the beginning of a stop string is held back until that is decided. The
    division into pieces makes no difference: if stop strings overlap, the one that ends first
    counts; if they end together, the longest counts.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def feed(self, piece: str) -> tuple[str, bool]:
        """Return the text that may be shown now, and True if a stop string ended the text."""
        text = self._held + piece
        found: list[tuple[int, int]] = []
        for stop in self._stops:
            at = text.find(stop)
            if at >= 0:
                found.append((at + len(stop), at))
        if found:
            self._held = ""
            _, start = min(found)
            return text[:start], True
        keep = max((overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """Return the text held back, when no more text will come."""
        held, self._held = self._held, ""
        return held


def overlap(text: str, stop: str) -> int:
    """Return the length of the longest end of `text` that is a proper beginning of `stop`."""
    for n in range(min(len(text), len(stop) - 1), 0, -1):
        if text.endswith(stop[:n]):
            return n
    return 0


class ReplyTrimmer:
    """Passes on a reply that arrives in pieces, without its outer white space.

    The indent of its first line stays. White space at the end is held back until text follows it.
    """

    def __init__(self, *, has_begun: bool = False) -> None:
        """`has_begun`: the reply continues a beginning that the model was given."""
        self._started = has_begun
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        shown = text.rstrip()
        self._held = text[len(shown) :]
        if not self._started and shown:
            self._started = True
            return _without_begin(shown)
        return shown


def _without_begin(text: str) -> str:
    """Return `text` without blank lines in front, and without a single space there.

    Vocabularies begin words with a space.
    """
    begin = text[: len(text) - len(text.lstrip())]
    indent = begin[begin.rfind("\n") + 1 :]
    if indent == " ":
        return text[len(begin) :]
    return text[len(begin) - len(indent) :]
