"""Makes the grammar that a reply must fit, and checks it before llama.cpp gets it."""

from __future__ import annotations

import re

from modechat.engine.protocol import Generate
from modechat.engine.worker.failure import WorkerFailure
from modechat.engine.worker.tokens import Vocabulary
from modechat.engine.worker.writing.grammar import Grammar
from modechat.prompting.grammar_check import GrammarError, check_grammar
from modechat.prompting.reasoning import ReasoningTags, marker_texts

_LONGEST = 1 << 20
_DEEPEST = 200
_MOST_RULES = 20_000
"""Beyond these, llama.cpp's recursive parser could overflow the stack."""

_ROOT = re.compile(r"^[ \t]*root[ \t]*::=", re.MULTILINE)
_QUOTED = re.compile(r'"(?:\\.|[^"\\])*+"?|\[(?:\\.|[^\]\\])*+\]?|#[^\n]*+', re.DOTALL)
"""Literals, classes and comments. An unclosed one reaches to the end."""


def grammar_for(
    request: Generate, vocabulary: Vocabulary, tags: tuple[ReasoningTags, ...], prompt_end: str
) -> Grammar | None:
    """Return the grammar that the reply to `request` obeys; None if it is free.

    Raises WorkerFailure.
    """
    if not request.is_constrained:
        return None
    from modechat.prompting.answer_grammar import REPLY_ROOT, reply_grammar

    answer = _answer_grammar(request)
    texts = marker_texts(tags)
    written = [token.id for token in vocabulary.special_tokens if token.text in texts]
    try:
        _check(answer)
        text = reply_grammar(answer, tags, prompt_end, may_think=request.thinking is not False)
        return Grammar(vocabulary, text, REPLY_ROOT, written)
    except GrammarError as error:
        grammar = f"The grammar {request.grammar_file}".rstrip()
        raise _wrong(f"{grammar} cannot be used", str(error)) from None


def _answer_grammar(request: Generate) -> str:
    if request.schema_text is not None and request.grammar is not None:
        raise _wrong("A reply cannot fit a schema and a grammar at once", "Give one of them.")
    if request.prompt.prefill:
        raise _wrong(
            "A reply that fits a schema or a grammar cannot begin with a given text",
            "Leave the text out.",
        )
    if request.schema_text is not None:
        return _from_schema(request.schema_text)
    assert request.grammar is not None  # one of the two is set
    return request.grammar


def _from_schema(text: str) -> str:
    from modechat.prompting.json_schema import grammar_of
    from modechat.prompting.schema_keywords import SchemaError
    from modechat.prompting.schema_text import read_schema

    try:
        return grammar_of(read_schema(text))
    except SchemaError as error:
        raise _wrong(f"The JSON schema cannot be used: {error}", "Change the schema.") from None


def _check(text: str) -> None:
    """Raise GrammarError where llama.cpp would not survive, or would refuse in poor words."""
    try:
        text.encode()
    except UnicodeEncodeError:
        raise GrammarError("It is no UTF-8 text.") from None
    if _is_too_large(text):
        raise GrammarError("It is too large, or nested too deeply.")
    check_grammar(text)
    if not _ROOT.search(text):
        raise GrammarError("It has no rule “root”, where a reply begins:  root ::= …")


def _is_too_large(text: str) -> bool:
    if len(text) > _LONGEST or "\0" in text:
        return True
    bare = _QUOTED.sub("", text)
    return bare.count("::=") > _MOST_RULES or _depth(bare) > _DEEPEST


def _depth(text: str) -> int:
    depth = deepest = 0
    for character in text:
        if character == "(":
            depth += 1
            deepest = max(deepest, depth)
        elif character == ")":
            depth -= 1
    return deepest


def _wrong(title: str, hint: str) -> WorkerFailure:
    return WorkerFailure("request", title, hint)
