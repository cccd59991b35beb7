"""The progress of a command: one line on standard error, which is repainted."""

from __future__ import annotations

import os
import sys

from modechat.cli.streams import can_repaint


class ProgressLine:
    """A line that is cleared when it is over. It is only shown where it can be repainted."""

    def __init__(self) -> None:
        self.can_be_shown = can_repaint(os.environ, sys.stderr)
        self._is_shown = False

    def show(self, text: str) -> None:
        if self.can_be_shown:
            print(f"\r\x1b[K{text}", end="", file=sys.stderr, flush=True)
            self._is_shown = True

    def clear(self) -> None:
        if self._is_shown:
            print("\r\x1b[K", end="", file=sys.stderr, flush=True)
            self._is_shown = False
