"""What the terminal sends, before Textual makes events of it.

Textual 8.2.8 reads what follows an escape in a paste as keys that were pressed, takes Alt+Enter as ESC CR for Enter
(its issue 6378), types a letter for Caps Lock under kitty's protocol, raises ValueError for keys with sub-fields, and
types reports of the mouse that have no numbers. Each of them could send, or do, what nobody asked for. So its parser
is replaced by one that takes pastes apart itself, and answers for those sequences.

Invariant: between the marks of a bracketed paste nothing but the end mark acts.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterable, Iterator
from importlib import import_module
from typing import Final

from textual import events
from textual._xterm_parser import XTermParser
from textual.keys import Keys
from textual.message import Message

from modechat.domain.text import sanitize

_START: Final = "\x1b[200~"
_END: Final = "\x1b[201~"
_PATIENCE = 3.0
"""Seconds without a byte after which a paste that has no end has ended all the same."""

_MOST_TYPED = 200
"""Characters in one read that somebody may have typed: more is a paste by a terminal that puts no marks around it."""
_PAUSE = 0.05
"""Seconds without a byte after which such a paste has ended."""
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_ALT_ENTER = "\x1b\r"
_ALT_CHARACTER = re.compile(r"\x1b[0-9a-zA-MQ-WYZ]")  # not those that begin longer sequences: N, O, P, X
_MODIFY_OTHER_KEYS = re.compile(r"\x1b\[27;(\d+);(\d+)~")  # xterm and tmux: modifier, character
_SUB_FIELDS = re.compile(r"\x1b\[([\d:]*);?([\d:]*)(;[\d:]*)?([u~ABCDEFHPQRS])")
_RELEASED = "3"
_WITHOUT_NUMBERS = re.compile(r"\x1b\[<[^\x1b]*?NaN[^\x1b]*[Mm]")
_COMPLETE = re.compile(r"\x1b\[(?!<)[0-?]*[ -/]*[@-Z\\-~]")
_FOR_OTHERS = re.compile(r"\x1b\[(?:<?[-\d;]+[mM]|M|\?\d+;\d\$y)")
_LOCKS = ("caps_lock", "num_lock", "scroll_lock")

_DRIVER = "win32" if sys.platform == "win32" else "linux_driver"


def guard_terminal_input() -> None:
    """Have Textual's driver read the terminal through this module. Before the app runs."""
    import_module(f"textual.drivers.{_DRIVER}").XTermParser = TerminalInput  # type: ignore[attr-defined]


class Paste(events.Paste):
    """A paste. Its `text` cannot act on a terminal, whoever shows it; `raw` is what was pasted."""

    def __init__(self, raw: str) -> None:
        super().__init__(sanitize(raw))
        self.raw = raw


class PasteReader:
    """Parts what comes into text outside of pastes and pastes, however the reads cut it."""

    def __init__(self) -> None:
        self._tail = ""
        """The end of what came outside, as long as it could begin a mark."""
        self._pasted: list[str] | None = None
        self._pasted_tail = ""

    @property
    def is_pasting(self) -> bool:
        return self._pasted is not None

    def read(self, data: str) -> Iterator[tuple[str, bool]]:
        """Pieces in order, each with whether it is a paste. A start mark belongs to what comes before the paste."""
        while data:
            if self._pasted is None:
                seen = self._tail + data
                at = seen.find(_START)
                if at < 0:
                    self._tail = seen[-len(_START) + 1 :]
                    yield data, False
                    return
                end = at + len(_START) - len(self._tail)
                self._tail, self._pasted = "", []
                yield data[:end], False
            else:
                seen = self._pasted_tail + data
                at = seen.find(_END)
                if at < 0:
                    keep = len(_END) - 1
                    self._pasted.append(seen[:-keep])
                    self._pasted_tail = seen[-keep:]
                    return
                end = at + len(_END) - len(self._pasted_tail)
                self._pasted.append(seen[:at])
                self._pasted_tail = ""
                yield self.finish(), True
            data = data[end:]

    def finish(self) -> str:
        """End the paste: what has come of it."""
        text = "".join(self._pasted or ()) + self._pasted_tail
        self._pasted, self._pasted_tail = None, ""
        return text


class TerminalInput(XTermParser):
    """Textual's parser, with pastes and strange keys taken care of."""

    def __init__(self, debug: bool = False) -> None:
        super().__init__(debug)
        self._pastes = PasteReader()
        self._last_read = 0.0
        self._unmarked: list[str] = []
        """What has come of a paste without marks."""

    def feed(self, data: str) -> Iterable[Message]:
        self._last_read = time.monotonic()
        if not data:
            yield from self.flush()
            yield from super().feed(data)
        for piece, is_paste in self._pastes.read(data):
            if is_paste:
                yield Paste(_pasted(piece))
            else:
                yield from self._keys(piece)

    def flush(self) -> Iterator[Message]:
        """The paste that came without marks, if one did: no more of it will come."""
        text, self._unmarked = "".join(self._unmarked), []
        if text:
            yield Paste(_pasted(text.removesuffix("\r")))
        if text.endswith("\r"):
            yield from super().feed("\r")

    def tick(self) -> Iterable[Message]:
        yield from super().tick()
        if time.monotonic() - self._last_read > _PAUSE:
            yield from self.flush()
        if self._pastes.is_pasting and time.monotonic() - self._last_read > _PATIENCE:
            yield Paste(_pasted(self._pastes.finish()))

    def _keys(self, piece: str) -> Iterator[Message]:
        is_in_sequence = self._timeout_time is not None
        if (len(piece) > _MOST_TYPED or self._unmarked) and not is_in_sequence and not _NOT_TEXT.search(piece):
            self._unmarked.append(piece)
            return
        yield from self.flush()
        # Where a paste begins, Textual is told at once that it is over: what is in it is none of its business.
        data = piece + _END if self._pastes.is_pasting else piece
        for message in super().feed(data):
            if not isinstance(message, events.Paste):
                yield message

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        if sequence == _ALT_ENTER:
            return [events.Key("alt+enter", None)]
        if _WITHOUT_NUMBERS.fullmatch(sequence):
            return [events.Key(Keys.Ignore, sequence)]
        try:
            keys = list(super()._sequence_to_key_events(_plain(sequence), alt))
        except (ValueError, OverflowError):  # a number that is no character
            return [events.Key(Keys.Ignore, sequence)]
        if not keys and _ALT_CHARACTER.fullmatch(sequence):
            keys = list(super()._sequence_to_key_events(sequence[1], alt=True))
        if not keys and _COMPLETE.fullmatch(sequence) and not _FOR_OTHERS.fullmatch(sequence):
            return [events.Key(Keys.Ignore, sequence)]  # a report that nobody asked for would be typed
        return [_harmless(key) for key in keys]


def _plain(sequence: str) -> str:
    """A key of kitty's protocol without the sub-fields that Textual did not ask for. A key's release is nothing."""
    if match := _MODIFY_OTHER_KEYS.fullmatch(sequence):
        return f"\x1b[{match[2]};{match[1]}u"
    match = _SUB_FIELDS.fullmatch(sequence)
    if match is None or (":" not in match[1] and ":" not in match[2]):
        return sequence
    modifiers, _, event_type = match[2].partition(":")
    if event_type == _RELEASED:
        raise ValueError
    return f"\x1b[{match[1].partition(':')[0]};{modifiers or 1}{match[3] or ''}{match[4]}"


def _harmless(key: events.Key) -> events.Key:
    if key.key.endswith(_LOCKS):
        return events.Key(Keys.Ignore, key.character)
    if key.key == "space" and key.character is None:
        return events.Key("space", " ")
    if key.key.startswith("alt+"):
        return events.Key(key.key, None)  # it would be typed where it does nothing
    return key


def _pasted(text: str) -> str:
    """A paste as text, with line ends as everywhere here."""
    return text.replace("\x00", "").replace("\r\n", "\n").replace("\r", "\n")
