"""How much text could ever fit into a model's context: what is longer is refused before anything is made of it."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from modechat.errors import ContextError
from modechat.models.gguf import longest_token, read_header
from modechat.session.attachments import size_text

_MOST = 32_000_000
"""Bytes: longer than any context that can be computed."""
_HINT = "Shorten the text, or give the model more room with --ctx."


class TextLimit:
    """A text needs a token for each so many bytes at least: as many as the longest token of the vocabulary has."""

    unchecked = 1 << 18
    """Bytes that are let through unseen: the engine counts them exactly."""

    def __init__(self, model: Path, n_ctx: int | None) -> None:
        """`n_ctx`: the context that the user wants, if he said so."""
        self._model = model
        self._n_ctx = n_ctx

    def check(self, n_bytes: int, what: str, *, is_all: bool, size: int = 0) -> None:
        """Raises ContextError, with both numbers, if `n_bytes` of UTF-8 can never fit. `what` they are begins a
        sentence; `is_all`: no more than these are there, else `size` says how many are known to be."""
        if n_bytes <= self.unchecked or n_bytes <= self._most:
            return
        has = (
            f"has {size_text(size or n_bytes)}"
            if is_all or size > n_bytes
            else f"has more than {size_text(n_bytes)}"
        )
        if self._longest and self._tokens and self._tokens * self._longest < n_bytes:
            least = -(-n_bytes // self._longest)
            raise ContextError(
                f"{what} {has}, at least {least:,} tokens; the context holds at most {self._tokens:,}",
                _HINT,
            )
        holds = f"; the context holds at most {self._tokens:,} tokens" if self._tokens else ""
        raise ContextError(
            f"{what} {has}: more than modechat takes ({size_text(_MOST)}){holds}",
            "Shorten the text.",
        )

    @property
    def _most(self) -> int:
        if not self._longest or not self._tokens:
            return _MOST
        return min(_MOST, self._tokens * self._longest)

    @cached_property
    def _tokens(self) -> int:
        return self._n_ctx or read_header(self._model).n_ctx_train or 0

    @cached_property
    def _longest(self) -> int:
        return longest_token(self._model)
