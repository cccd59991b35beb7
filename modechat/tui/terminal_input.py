"""Reads what the terminal sends, before Textual makes events of it.

Textual 8.2.8 reads what follows an escape in a paste as pressed keys, reads Alt+Enter as ESC CR as
Enter (its issue 6378), types a letter for Caps Lock under kitty's protocol, raises ValueError for
keys with sub-fields, and types reports of the mouse that have no numbers. Each of these could send,
or do, what nobody asked for. It also divides by sizes that a terminal reports as zero, and ends at
bytes that are not UTF-8. So its parser is replaced by one that separates pastes itself, and handles
those sequences and sizes.

Invariant: between the marks of a bracketed paste nothing but the end mark acts.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from importlib import import_module
from typing import Any

from textual import events
from textual._xterm_parser import XTermParser
from textual.geometry import Size
from textual.keys import Keys
from textual.message import Message

from modechat.domain.text import sanitize
from modechat.tui.background import Answers
from modechat.tui.paste_reader import END, PasteReader, TypedBefore, pasted_text
from modechat.tui.terminal_bytes import TerminalBytes, n_bytes, readable

_PATIENCE = 3.0
"""Seconds without a byte after which a paste without an end mark ends, or no answer is expected."""

_MOST_TYPED = 200
"""The most characters of one read that may have been typed.

A longer read is a paste by a terminal that puts no marks around it.
"""
_PAUSE = 0.05
"""Seconds without a byte after which a paste without marks has ended."""
_NOT_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")

_LINES_COME = 0.1
"""Seconds in which everything comes that was typed before the first read."""

_ALT_ENTER = "\x1b\r"
_ALT_CHARACTER = re.compile(r"\x1b[0-9a-zA-MQ-WYZ]")
"""Without N, O, P and X, which begin longer sequences."""
_MODIFY_OTHER_KEYS = re.compile(r"\x1b\[27;(\d+);(\d+)~")  # xterm and tmux: modifier, character
_SUB_FIELDS = re.compile(r"\x1b\[([\d:]*);?([\d:]*)(;[\d:]*)?([u~ABCDEFHPQRS])")
_RELEASED = "3"
_WITHOUT_NUMBERS = re.compile(r"\x1b\[<[^\x1b]*?NaN[^\x1b]*[Mm]")
_COMPLETE = re.compile(r"\x1b\[(?!<)[0-?]*[ -/]*[@-Z\\-~]")
_FOR_OTHERS = re.compile(r"\x1b\[(?:<?[-\d;]+[mM]|M|\?\d+;\d\$y)")
_OLD_MOUSE = "\x1b[M"
"""Begins X10's report of the mouse, which nobody asked for. Three bytes follow."""
_OLD_MOUSE_BYTES = 3
_SIZE = re.compile(r"\x1b\[48;[^\x1bt]*t")
MOST_CELLS = 2000
"""The most columns or rows. A report of a larger window is left out: all cells would be painted."""
_FARTHEST = 100_000
"""A report of the mouse farther from the corner than this, in cells or pixels, is left out."""
_LOCKS = ("caps_lock", "num_lock", "scroll_lock")

_DRIVER = "win32" if sys.platform == "win32" else "linux_driver"


def guard_terminal_input(typed_before: TypedBefore, *, awaits_background: bool = False) -> None:
    """Make Textual's driver read the terminal through this module. Call it before the app runs.

    `awaits_background`: the terminal was asked for its background.
    """
    driver: Any = import_module(f"textual.drivers.{_DRIVER}")
    decoder = TerminalBytes()
    driver.XTermParser = partial(
        TerminalInput,
        decoder=decoder,
        typed_before=typed_before,
        follows_lines=True,
        awaits_background=awaits_background,
    )

    def decoder_for(_encoding: str) -> Callable[[], TerminalBytes]:
        return lambda: decoder

    driver.getincrementaldecoder = decoder_for


class TerminalGone(Message):
    """Tells that nothing comes from the terminal any more: it was closed without a signal."""


@dataclass
class BackgroundReported(Message):
    """Tells if the terminal's background is light."""

    is_light: bool


class Paste(events.Paste):
    """A paste. `text` cannot act on a terminal that shows it; `raw` is the original."""

    def __init__(self, raw: str) -> None:
        super().__init__(sanitize(raw))
        self.raw = raw


class TerminalInput(XTermParser):
    """Textual's parser, with other rules for pastes and strange keys."""

    def __init__(
        self,
        debug: bool = False,
        decoder: TerminalBytes | None = None,
        typed_before: TypedBefore | None = None,
        *,
        follows_lines: bool = False,
        awaits_background: bool = False,
    ) -> None:
        """Decode with `decoder`, which may hold back bytes whose rest never comes.

        `follows_lines`: the terminal was read by line before, and made newlines of Enter; what was
        typed then comes first. `awaits_background`: the terminal was asked for its background, and
        has not answered yet.
        """
        super().__init__(debug)
        self._decoder = decoder or TerminalBytes()
        self._decoder.reset()
        self._typed_before = typed_before or TypedBefore()
        self._answers = Answers()
        now = time.monotonic()
        self._answer_until = now + _PATIENCE if awaits_background else 0.0
        self._pastes = PasteReader()
        self._last_read = 0.0
        self._lines_until = now + _LINES_COME if follows_lines else 0.0
        self._window: tuple[tuple[int, int] | None, tuple[int, int] | None] = None, None
        """The last valid size: in cells, and in pixels."""
        self._unmarked: list[str] = []
        """The pieces so far of a paste without marks."""

    def feed(self, data: str) -> Iterable[Message]:
        yield from self._feed_typed_before()
        self._last_read = time.monotonic()
        if self._last_read < self._lines_until:
            data = data.replace("\n", "\r")
        if not data:
            yield from self.flush()
            yield from super().feed(data)
        for piece, is_paste in self._pastes.read(data):
            if is_paste:
                yield Paste(pasted_text(piece))
                continue
            is_expected = self._last_read < self._answer_until
            is_light, keys = self._answers.read(piece, is_expected=is_expected)
            if is_light is not None:
                self._answer_until = 0.0
                yield BackgroundReported(is_light)
            if keys:
                yield from self._keys(keys)

    def _feed_typed_before(self) -> Iterator[Message]:
        before = self._typed_before.take()
        if before:
            yield from self.feed(before)

    def flush(self) -> Iterator[Message]:
        """End the paste that came without marks, if there is one: no more of it comes."""
        text, self._unmarked = "".join(self._unmarked), []
        if text:
            yield Paste(pasted_text(text.removesuffix("\r")))
        if text.endswith("\r"):
            yield from super().feed("\r")

    def tick(self) -> Iterable[Message]:
        yield from self._feed_typed_before()
        if self._answers.is_incomplete and time.monotonic() - self._last_read > _PAUSE:
            keys = self._answers.finish()
            if keys:
                yield from self._keys(keys)
        if self._decoder.is_over:
            self._decoder.is_over = False
            yield TerminalGone()
        yield from super().tick()
        if time.monotonic() - self._last_read > _PAUSE:
            cut = self._decoder.finish()
            if cut:
                yield from self.feed(cut)
            yield from self.flush()
        if self._pastes.is_pasting and time.monotonic() - self._last_read > _PATIENCE:
            yield Paste(pasted_text(self._pastes.finish()))

    def _keys(self, piece: str) -> Iterator[Message]:
        is_in_sequence = self._timeout_time is not None
        is_long = len(piece) > _MOST_TYPED or bool(self._unmarked)
        if is_long and not is_in_sequence and not _NOT_TEXT.search(piece):
            self._unmarked.append(piece)
            return
        yield from self.flush()
        # Textual gets the end mark of a paste at its beginning, so that it reads nothing of the
        # paste.
        data = piece
        if self._pastes.is_pasting:
            data += END
        for message in super().feed(data):
            if not isinstance(message, events.Paste | events.Resize) or self._is_size(message):
                yield message

    def _is_size(self, message: Message) -> bool:
        """Return True if the message is a size that a window can have.

        If its pixels are unknown, the mouse counts cells.
        """
        if not isinstance(message, events.Resize):
            return False
        (columns, rows), (width, height) = message.size, message.pixel_size or Size()
        if not (0 < columns <= MOST_CELLS and 0 < rows <= MOST_CELLS):
            self.terminal_size, self.terminal_pixel_size = self._window
            return False
        if width < columns or height < rows:
            self.terminal_pixel_size = None
        self._window = self.terminal_size, self.terminal_pixel_size
        return True

    def parse_mouse_code(self, code: str) -> Message | None:
        try:
            message = super().parse_mouse_code(code)
        except (ValueError, OverflowError):
            return None
        if not isinstance(message, events.MouseEvent):
            return message
        return None if max(message.screen_x, message.screen_y) > _FARTHEST else message

    def _sequence_to_key_events(self, sequence: str, alt: bool = False) -> Iterable[events.Key]:
        ignored = events.Key(Keys.Ignore, sequence)
        if sequence.startswith(_OLD_MOUSE) and len(sequence) > len(_OLD_MOUSE):
            is_whole = n_bytes(sequence) - len(_OLD_MOUSE) >= _OLD_MOUSE_BYTES
            return [ignored] if is_whole else []
        if _SIZE.fullmatch(sequence):
            return [ignored]  # no window has this size
        sequence = readable(sequence)
        if sequence == _ALT_ENTER:
            return [events.Key("alt+enter", None)]
        if _WITHOUT_NUMBERS.fullmatch(sequence):
            return [ignored]
        try:
            keys = list(super()._sequence_to_key_events(_plain(sequence), alt))
        except (ValueError, OverflowError):  # a number without a character
            return [ignored]
        if not keys and _ALT_CHARACTER.fullmatch(sequence):
            keys = list(super()._sequence_to_key_events(sequence[1], alt=True))
        if not keys and _COMPLETE.fullmatch(sequence) and not _FOR_OTHERS.fullmatch(sequence):
            return [ignored]  # Textual would type a report that nobody asked for
        return [_harmless(key) for key in keys]


def _plain(sequence: str) -> str:
    """Return a key of kitty's protocol without the sub-fields that Textual did not ask for.

    Raise ValueError for the release of a key.
    """
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
    """Return the key, or one that does nothing if this one would type what nobody typed."""
    if key.key.endswith(_LOCKS):
        return events.Key(Keys.Ignore, key.character)
    if key.key == "space" and key.character is None:
        return events.Key("space", " ")
    if key.character is not None and readable(key.character) != key.character:
        return events.Key(Keys.Ignore, key.character)  # half a character
    if key.key.startswith("alt+"):
        return events.Key(key.key, None)  # where the key does nothing, its character would be typed
    return key
