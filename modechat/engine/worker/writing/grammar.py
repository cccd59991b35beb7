"""Grammars: what a reply may say, checked token by token by llama.cpp.

An exception in native code would end the process: llama.cpp throws one where a token is accepted that the grammar does
not allow. So nothing is accepted here that was not asked about before.
"""

from __future__ import annotations

import codecs
import ctypes
import os
import re
import sys
import tempfile
from collections.abc import Callable, Collection
from typing import TypeVar

from modechat.engine.protocol import Generate
from modechat.engine.worker.bindings import llama
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.candidates import IMPOSSIBLE, Candidates
from modechat.prompting.reasoning import ReasoningTags, marker_texts

T = TypeVar("T")

_LONGEST = 1 << 20
_DEEPEST = 200
_MOST_RULES = 20_000
"""Beyond these, llama.cpp's recursive parser could overflow the stack."""

_SURROGATES = tuple(bytes((0xED, second)) for second in range(0xA0, 0xC0))
"""The first two bytes of those: Python refuses them at the third one only."""

_ROOT = re.compile(r"^[ \t]*root[ \t]*::=", re.MULTILINE)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*"|\[(?:\\.|[^\]\\])*\]|#[^\n]*', re.DOTALL)


class Grammar:
    """A grammar and how far a reply has come in it. Use `close`: it owns native memory.

    `written` are the control tokens that a reply may have. The others show as nothing, so they would write something
    else than the grammar has seen.
    """

    def __init__(
        self, vocabulary: Vocabulary, text: str, root: str, written: Collection[int] = ()
    ) -> None:
        """Raises WorkerFailure for a text that is no grammar."""
        self._vocabulary = vocabulary
        control = {token.id for token in vocabulary.special_tokens if not token.user_defined}
        self._hidden = control - set(written)
        self._sampler = _load(vocabulary, text, root)
        self._decoder = codecs.getincrementaldecoder("utf-8")("strict")
        self._one = (llama.llama_token_data * 1)()

    def close(self) -> None:
        llama.llama_sampler_free(self._sampler)

    def allows(self, token: int) -> bool:
        """Whether the reply may go on with `token`, or end with it."""
        if not self._vocabulary.is_end(token) and (
            token in self._hidden or not self._is_text(token)
        ):
            return False
        self._one[0] = llama.llama_token_data(token, 1.0, 0.0)
        array = llama.llama_token_data_array(self._one, 1, -1, False)
        llama.llama_sampler_apply(self._sampler, ctypes.byref(array))
        return bool(self._one[0].logit != IMPOSSIBLE)

    def filter(self, candidates: Candidates) -> None:
        """Make all tokens impossible that the grammar does not allow. Some that `allows` refuses are left."""
        llama.llama_sampler_apply(self._sampler, ctypes.byref(candidates.array))

    def must_end(self, candidates: Candidates) -> bool:
        """Whether the reply is whole, and nothing can follow."""
        candidates.clear()
        self.filter(candidates)
        return all(
            self._vocabulary.is_end(token) for token in candidates.possible() if self.allows(token)
        )

    def has_choice(self, candidates: Candidates, *, blank: bool = False) -> bool:
        """Whether the reply could go on with different characters, or end. White space is none, unless `blank`."""
        candidates.clear()
        self.filter(candidates)
        first: set[bytes] = set()
        for token in candidates.possible():
            is_end = self._vocabulary.is_end(token)
            piece = b"" if is_end else self._vocabulary.piece(token, special=True)
            begins = piece.lstrip()[:1] or (piece[:1] if blank else b"")
            if (begins or is_end) and begins not in first and self.allows(token):
                first.add(begins)
                if len(first) > 1:
                    return True
        return False

    def accept(self, token: int) -> None:
        """Go on with a token that was allowed."""
        llama.llama_sampler_accept(self._sampler, token)
        if not self._vocabulary.is_end(token):
            self._decoder.decode(self._vocabulary.piece(token, special=True))

    def _is_text(self, token: int) -> bool:
        """Whether the reply stays UTF-8 with it: llama.cpp takes longer forms of characters than there are."""
        state = self._decoder.getstate()
        try:
            self._decoder.decode(self._vocabulary.piece(token, special=True))
            begun = self._decoder.getstate()[0]
            return not begun.startswith(_SURROGATES)
        except UnicodeDecodeError:
            return False
        finally:
            self._decoder.setstate(state)


def grammar_for(
    request: Generate, vocabulary: Vocabulary, tags: tuple[ReasoningTags, ...], prompt_end: str
) -> Grammar | None:
    """The grammar that the reply to `request` obeys; None: it is free. Raises WorkerFailure."""
    if request.schema_text is None and request.grammar is None:
        return None
    from modechat.prompting.answer_grammar import REPLY_ROOT, reply_grammar

    if request.schema_text is not None and request.grammar is not None:
        raise _wrong("A reply cannot fit a schema and a grammar at once", "Give one of them.")
    if request.prompt.prefill:
        raise _wrong(
            "A reply that fits a schema or a grammar cannot begin with a given text",
            "Leave the text out.",
        )
    answer = request.grammar if request.schema_text is None else _from_schema(request.schema_text)
    assert answer is not None  # one of the two
    _check(answer)
    text = reply_grammar(answer, tags, prompt_end, may_think=request.thinking is not False)
    texts = marker_texts(tags)
    written = [token.id for token in vocabulary.special_tokens if token.text in texts]
    return Grammar(vocabulary, text, REPLY_ROOT, written)


def _from_schema(text: str) -> str:
    from modechat.prompting.json_schema import grammar_of
    from modechat.prompting.schema_keywords import SchemaError
    from modechat.prompting.schema_text import read_schema

    try:
        return grammar_of(read_schema(text))
    except SchemaError as error:
        raise _wrong(f"The JSON schema cannot be used: {error}", "Change the schema.") from None


def _check(text: str) -> None:
    """Refuse what llama.cpp could not survive, and what needs better words than it has."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _wrong("The grammar is no UTF-8 text", "Change the file.") from None
    from modechat.prompting.grammar_check import GrammarError, check_grammar

    bare = _QUOTED.sub("", text)
    if (
        len(text) > _LONGEST
        or bare.count("::=") > _MOST_RULES
        or _depth(bare) > _DEEPEST
        or "\0" in text
    ):
        raise _wrong("The grammar is too large, or nested too deeply", "Write a shorter one.")
    try:
        check_grammar(text)
    except GrammarError as error:
        raise _wrong("The grammar cannot be used", str(error)) from None
    if not _ROOT.search(text):
        raise _wrong("The grammar has no rule “root”", "It is where a reply begins:  root ::= …")


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character in "()":
            depth += 1 if character == "(" else -1
            deepest = max(deepest, depth)
    return deepest


def _load(vocabulary: Vocabulary, text: str, root: str) -> llama.llama_sampler_p:
    def load() -> llama.llama_sampler_p | None:
        found: llama.llama_sampler_p | None = llama.llama_sampler_init_grammar(
            vocabulary.handle, text.encode(), root.encode()
        )
        return found

    sampler, said = _listening(load)
    if sampler:
        return sampler
    found = re.search(r"error parsing grammar: ([^\n]*)", said)
    reason = (
        f"llama.cpp says: {found[1].strip()[:200]}"
        if found
        else "A rule may begin with itself: that never ends."
    )
    raise _wrong("The grammar cannot be used", reason)


def _listening(work: Callable[[], T]) -> tuple[T, str]:
    """The result of `work`, and what it wrote on standard error: llama.cpp gives its reasons nowhere else."""
    sys.stderr.flush()
    with tempfile.TemporaryFile() as said:
        standard_error = os.dup(2)
        os.dup2(said.fileno(), 2)
        try:
            result = work()
        finally:
            sys.stderr.flush()
            os.dup2(standard_error, 2)
            os.close(standard_error)
        said.seek(0)
        text = said.read().decode(errors="replace")
    sys.stderr.write(text)
    return result, text


def _wrong(title: str, hint: str) -> WorkerFailure:
    return WorkerFailure("request", title, hint)
