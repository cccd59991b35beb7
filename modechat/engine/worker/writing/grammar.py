"""Holds a reply to a grammar, which llama.cpp checks token by token.

llama.cpp throws an exception if it accepts a token that the grammar does not allow, and an
exception in native code ends the process. So a token is accepted only after `Grammar.allows` has
allowed it.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection
from functools import partial
from typing import TypeVar

from modechat.engine.worker.bindings import llama
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.candidates import IMPOSSIBLE, Candidates
from modechat.prompting.grammar_check import GrammarError
from modechat.prompting.grammar_ways import LEFT_RECURSION

T = TypeVar("T")

_SURROGATES = tuple(bytes((0xED, second)) for second in range(0xA0, 0xC0))
"""The first two bytes of surrogates in UTF-8: Python refuses them only at the third byte."""


class Grammar:
    """A grammar, and the place that a reply has reached in it. Use `close`: it owns native memory.

    `written` are the control tokens that a reply may have. The others show no text, so the reply
    would differ from what the grammar has seen.
    """

    def __init__(
        self, vocabulary: Vocabulary, text: str, root: str, written: Collection[int] = ()
    ) -> None:
        """Load the grammar `text`, which begins with the rule `root`. Raises GrammarError."""
        self._vocabulary = vocabulary
        control = {token.id for token in vocabulary.special_tokens if not token.user_defined}
        self._hidden = control.difference(written)
        self._sampler = _load(vocabulary, text, root)
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._one = (llama.llama_token_data * 1)()

    def close(self) -> None:
        llama.llama_sampler_free(self._sampler)

    def allows(self, token: int) -> bool:
        """Return True if the reply may go on with `token`, or end with it."""
        if not self._vocabulary.is_end(token) and not self._is_shown_text(token):
            return False
        self._one[0] = llama.llama_token_data(token, 1.0, 0.0)
        array = llama.llama_token_data_array(self._one, 1, -1, False)
        llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return bool(self._one[0].logit != IMPOSSIBLE)

    def filter(self, candidates: Candidates) -> None:
        """Make tokens impossible that the grammar does not allow.

        A few tokens that `allows` refuses stay possible.
        """
        llama.llama_sampler_apply(self._sampler, ctypes.byref(candidates.array))

    def must_end(self, candidates: Candidates) -> bool:
        """Return True if the reply is complete, and nothing can follow."""
        candidates.clear()
        self.filter(candidates)
        for token in candidates.possible():
            if not self._vocabulary.is_end(token) and self.allows(token):
                return False
        return True

    def has_choice(self, candidates: Candidates, *, blank: bool = False) -> bool:
        """Return True if the reply could go on with different characters, or end.

        White space counts only if `blank`.
        """
        candidates.clear()
        self.filter(candidates)
        first: set[bytes] = set()
        for token in candidates.possible():
            begins = self._beginning(token, blank=blank)
            if begins is not None and begins not in first and self.allows(token):
                first.add(begins)
                if len(first) > 1:
                    return True
        return False

    def accept(self, token: int) -> None:
        """Go on with a token that was allowed."""
        llama.llama_sampler_accept(self._sampler, token)
        if not self._vocabulary.is_end(token):
            self._decoder.decode(self._vocabulary.piece(token, special=True))

    def _beginning(self, token: int, *, blank: bool) -> bytes | None:
        """Return the first byte that counts; empty for the reply's end, None if no byte counts."""
        if self._vocabulary.is_end(token):
            return b""
        piece = self._vocabulary.piece(token, special=True)
        begins = piece.lstrip()[:1]
        if not begins and blank:
            begins = piece[:1]
        return begins or None

    def _is_shown_text(self, token: int) -> bool:
        """Return True if `token` shows, and the reply stays UTF-8 with it.

        llama.cpp also takes overlong forms of characters, and surrogates.
        """
        if token in self._hidden:
            return False
        state = self._decoder.getstate()
        try:
            self._decoder.decode(self._vocabulary.piece(token, special=True))
            begun = self._decoder.getstate()[0]
            return not begun.startswith(_SURROGATES)
        except UnicodeDecodeError:
            return False
        finally:
            self._decoder.setstate(state)


def _load(vocabulary: Vocabulary, text: str, root: str) -> llama.llama_sampler_p:
    load: Callable[[], llama.llama_sampler_p | None] = partial(
        llama.llama_sampler_init_grammar, vocabulary.handle, text.encode(), root.encode()
    )
    sampler, log = _with_standard_error(load)
    if sampler:
        return sampler
    reason = LEFT_RECURSION
    if found := re.search(r"error parsing grammar: ([^\n]*)", log):
        reason = f"llama.cpp says: {found[1].strip()[:200]}"
    raise GrammarError(reason)


def _with_standard_error(work: Callable[[], T]) -> tuple[T, str]:
    """Return the result of `work`, and what it wrote on standard error.

    llama.cpp gives its reasons nowhere else.
    """
    sys.stderr.flush()
    with tempfile.TemporaryFile() as written:
        standard_error = os.dup(2)
        os.dup2(written.fileno(), 2)
        try:
            result = work()
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
        written.seek(0)
        text = written.read().decode(errors="replace")
    sys.stderr.write(text)
    return result, text
