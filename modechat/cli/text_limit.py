"""Refuses text that can never fit into a model's context, before it is tokenised."""

from __future__ import annotations

from functools import cached_property
from pathlib import Path

from modechat.domain.byte_sizes import shown_bytes
from modechat.domain.notices import SHORTEN_OR_WIDEN
from modechat.errors import ContextError
from modechat.models.gguf import longest_token, read_header

_MAX_BYTES = 32_000_000
"""More than any context that can be computed."""


class TextLimit:
    """The limit of one model: no token has more bytes than the longest one of the vocabulary."""

    unchecked = 1 << 18
    """Bytes that pass without a check, because the engine counts them exactly."""

    def __init__(self, model: Path, n_ctx: int | None) -> None:
        """`n_ctx`: the context that the user wants; None: not given."""
        self._model = model
        self._n_ctx = n_ctx

    def check(self, n_bytes: int, what: str, *, is_all: bool, size: int = 0) -> None:
        """Raise ContextError, with both numbers, if `n_bytes` of UTF-8 can never fit.

        `what` begins the sentence. `is_all`: the text has no more bytes; otherwise `size` is its
        known number of bytes.
        """
        if n_bytes <= self.unchecked or n_bytes <= self._max_bytes:
            return
        title = f"{what} has more than {shown_bytes(n_bytes)}"
        if is_all or size > n_bytes:
            title = f"{what} has {shown_bytes(size or n_bytes)}"
        if self._longest and self._tokens and self._tokens * self._longest < n_bytes:
            least = -(-n_bytes // self._longest)
            title += f", at least {least:,} tokens; the context holds at most {self._tokens:,}"
            raise ContextError(title, SHORTEN_OR_WIDEN)
        title += f": more than modechat takes ({shown_bytes(_MAX_BYTES)})"
        if self._tokens:
            title += f"; the context holds at most {self._tokens:,} tokens"
        raise ContextError(title, "Shorten the text.")

    @property
    def _max_bytes(self) -> int:
        if not self._longest or not self._tokens:
            return _MAX_BYTES
        return min(_MAX_BYTES, self._tokens * self._longest)

    @cached_property
    def _tokens(self) -> int:
        return self._n_ctx or read_header(self._model).n_ctx_train or 0

    @cached_property
    def _longest(self) -> int:
        return longest_token(self._model)
