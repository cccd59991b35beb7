"""Rules for text that came from a model, a user or a file: making it safe to show, and finding stop strings.

`sanitize` is for what is shown, never for what is kept or sent: that stays as it was written.
"""

from __future__ import annotations

from collections.abc import Iterable

# C0 controls (but tab and newline) and DEL become their visible pictures (U+2400 ff.); C1 controls and the
# bidirectional overrides, which have none, become the replacement character. Unicode's own line separators become
# newlines, so that everyone counts the same lines.
DIRECTIONS = "".join(map(chr, [*range(0x202A, 0x202F), *range(0x2066, 0x206A)]))
"""Marks that change the direction of writing: terminals reorder a line for them."""
_UNSAFE = {code: 0x2400 + code for code in range(32) if code not in (9, 10)} | {127: 0x2421}
_UNSAFE |= {0x2028: 0x0A, 0x2029: 0x0A}
_UNSAFE |= dict.fromkeys([*range(0x80, 0xA0), *map(ord, DIRECTIONS)], 0xFFFD)
_WITHOUT_CONTROLS = {code: safe for code, safe in _UNSAFE.items() if chr(code) not in DIRECTIONS}


def sanitize(text: str) -> str:
    """`text` without a character that acts on a terminal.

    Works character by character, so that a sequence which is split over several calls cannot get through.
    """
    return text.translate(_UNSAFE)


def without_controls(text: str) -> str:
    """`text` as an editor of lines can hold it: as `sanitize`, but with marks of direction."""
    return text.translate(_WITHOUT_CONTROLS)


def is_editable(text: str) -> bool:
    """Whether an editor of lines can hold `text` as it is."""
    return without_controls(text) == text


def sanitize_line(text: str) -> str:
    """`text` safe to show in one line: as `sanitize`, with white space folded."""
    return sanitize(" ".join(text.split()))


_ENDS = (".", "!", "?", "…", ":")
_CLOSING = "”’\"')]»"


def ended(sentence: str) -> str:
    """`sentence` with a period, unless it ends in a mark of its own: also within quotation marks."""
    sentence = sentence.rstrip()
    return sentence if not sentence or sentence.rstrip(_CLOSING).endswith(_ENDS) else f"{sentence}."


def in_one_line(title: str, hint: str = "") -> str:
    """What happened and what to do, as sentences. A hint may end with a command: it stays as it is."""
    return f"{ended(title)} {hint}".strip()


class LineEnds:
    """Makes the line ends of a text that arrives in pieces newlines: `\\r\\n`, also where it is split."""

    def __init__(self) -> None:
        self._held = ""

    def feed(self, piece: str) -> str:
        text = self._held + piece
        self._held = "\r" if text.endswith("\r") else ""
        return text.removesuffix("\r").replace("\r\n", "\n")


class StopMatcher:
    """Finds the first of several stop strings to be complete in a text that arrives in pieces.

    Text that could be the beginning of a stop string is held back until it is decided. The pieces make no difference:
    of stop strings that overlap, the one that ends first counts, and of those that end together the longest.
    """

    def __init__(self, stops: Iterable[str]) -> None:
        self._stops = tuple(stop for stop in stops if stop)
        self._held = ""

    def feed(self, piece: str) -> tuple[str, bool]:
        """Text that may be shown now, and whether a stop string was found: then nothing more will come."""
        text = self._held + piece
        found = [(at + len(stop), at) for stop in self._stops if (at := text.find(stop)) >= 0]
        if found:
            self._held = ""
            _, start = min(found)
            return text[:start], True
        keep = max((overlap(text, stop) for stop in self._stops), default=0)
        self._held = text[len(text) - keep :]
        return text[: len(text) - keep], False

    def flush(self) -> str:
        """The text held back, once no more will come."""
        held, self._held = self._held, ""
        return held


def overlap(text: str, stop: str) -> int:
    """Length of the longest end of `text` that a proper beginning of `stop` matches."""
    return next(
        (n for n in range(min(len(text), len(stop) - 1), 0, -1) if text.endswith(stop[:n])), 0
    )


class ReplyTrimmer:
    """Passes on a reply that arrives in pieces, without its outer white space. The indent of its first line stays.

    White space at the end of what has arrived is held back until text follows it.
    """

    def __init__(self, *, has_begun: bool = False) -> None:
        """`has_begun`: what comes first is not the model's own, but the beginning that it was given."""
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
    """`text` without blank lines in front, and without a single space there: vocabularies begin words with one."""
    begin = text[: len(text) - len(text.lstrip())]
    indent = begin[begin.rfind("\n") + 1 :]
    return text[len(begin) :] if indent == " " else text[len(begin) - len(indent) :]
