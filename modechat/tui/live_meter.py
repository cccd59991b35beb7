"""Measures the reply that is awaited or written: tokens, tokens per second, seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from modechat.domain.mode import Mode

_SOON = 0.3  # seconds: too short to measure the speed


@dataclass(frozen=True, slots=True)
class Live:
    """Figures for the status line."""

    seconds: int
    tokens: int = 0
    tokens_per_second: float | None = None
    """None: too few tokens have come."""
    prompt_tokens: int | None = None
    """None: not known yet."""
    mode: Mode | None = None
    """The mode of the turn; known when its prompt is."""

    @property
    def used(self) -> int | None:
        """Tokens of the context that the prompt and the reply take; None: not known yet."""
        if self.prompt_tokens is None:
            return None
        return self.prompt_tokens + self.tokens


class LiveMeter:
    """Measures one reply: call `begin`, then `read_prompt` and `grew`, then `end`.

    `clock` is monotonic, in seconds.
    """

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._asked_at: float | None = None
        self._first_at: float | None = None
        self._first_tokens = 0
        self._tokens = 0
        self._prompt_tokens: int | None = None
        self._mode: Mode | None = None

    @property
    def is_running(self) -> bool:
        return self._asked_at is not None

    @property
    def is_waiting(self) -> bool:
        """True while no text has come yet."""
        return self._first_at is None

    def begin(self) -> None:
        self._asked_at = self._clock()
        self._first_at, self._first_tokens, self._tokens, self._prompt_tokens = None, 0, 0, None
        self._mode = None

    def end(self) -> None:
        self._asked_at = None

    def read_prompt(self, n_tokens: int, mode: Mode) -> None:
        """Note the number of tokens of the prompt, and the mode of its turn."""
        self._prompt_tokens, self._mode = n_tokens, mode

    def grew(self, n_tokens: int) -> None:
        """Note the number of tokens of the reply, thinking included."""
        if self._first_at is None:
            self._first_at, self._first_tokens = self._clock(), n_tokens
        self._tokens = max(n_tokens, self._tokens)

    def read(self) -> Live | None:
        """Return the current figures; None if no reply is awaited."""
        if self._asked_at is None:
            return None
        now = self._clock()
        speed = None
        if (
            self._first_at is not None
            and now - self._first_at > _SOON
            and self._tokens > self._first_tokens
        ):
            speed = (self._tokens - self._first_tokens) / (now - self._first_at)
        return Live(int(now - self._asked_at), self._tokens, speed, self._prompt_tokens, self._mode)
