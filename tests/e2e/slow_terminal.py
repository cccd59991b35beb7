"""A terminal that reads slowly, as one at the other end of a bad line."""

from __future__ import annotations

from pathlib import Path
from typing import Self

from tests.e2e.home import MODECHAT, Home
from tests.e2e.window import Window

_BYTES_PER_SECOND = 12_000


class SlowTerminal(Window):
    """Nothing of what it reads is painted: `raw` is all there is."""

    _is_slow = False

    @classmethod
    def of(cls, home: Home, *arguments: str | Path) -> Self:
        """`modechat` in such a terminal. It reads quickly at first."""
        return cls((*MODECHAT, *arguments), home.env, columns=100, rows=30)

    def become_slow(self) -> None:
        self._is_slow = True

    def _receive(self, data: bytes) -> None:
        super()._receive(data)
        if self._is_slow:
            self._changed.wait_for(lambda: False, len(data) / _BYTES_PER_SECOND)
