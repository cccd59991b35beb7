"""Refuses grammars in GBNF that llama.cpp would not survive, or would read differently.

llama.cpp computes for ever if the bounds of a repetition are the wrong way round, reads a bound
that is too high as none, and follows all ways through nested repetitions at once. Grammars that
llama.cpp itself refuses pass this check.
"""

from __future__ import annotations

import re
from typing import Protocol

from modechat.prompting.gbnf import LONGEST_REPETITION
from modechat.prompting.grammar_ways import TERMINAL, Rules
from modechat.prompting.grammar_weights import Weights

_MOST_REPETITIONS = 60
"""Repetitions of something that may be empty; those of nested repetitions are multiplied."""
_MOST_ALTERNATIVES = 5_000
_MOST_GROUPS = 50_000

# Quantifiers are possessive, and an unclosed token reaches to the end, so that hostile texts take
# no longer than others.
_TOKENS = re.compile(
    r"""
    (?P<text> "(?:\\.|[^"\\])*+"? | \[(?:\\.|[^\]\\])*+\]? | \. | !?<[^>\s]*+>? )
    | (?P<comment> \#[^\n]*+ )
    | (?P<rule> [\w-]++ \s*+ ::= )
    | (?P<name> [\w-]++ )
    | (?P<bounds> \{ \s*+ (?P<least>\d++) \s*+ (?P<comma>,)?+ \s*+ (?P<most>\d++)? \s*+ \} )
    | (?P<sign> [()|?*+] )
    """,
    re.VERBOSE | re.DOTALL,
)


class GrammarError(ValueError):
    """A grammar is refused; the message says what is wrong, and where."""


class GrammarReader(Protocol):
    """Gets the tokens of a grammar one by one. A repetition belongs to what was added last."""

    def begin(self, name: str) -> None:
        """Begin a rule."""

    def add(self, name: str) -> None:
        """Add a rule by its name, or characters as `TERMINAL`."""

    def add_empty(self) -> None:
        """Add an empty text."""

    def open_group(self) -> None:
        """Open a parenthesis."""

    def close_group(self) -> None:
        """Close a parenthesis; the group counts as added."""

    def end_alternative(self) -> None:
        """Begin the next alternative."""

    def repeat(self, least: int, most: int) -> None:
        """Repeat what was added last from `least` to `most` times."""

    def repeat_without_end(self, least: int) -> None:
        """Repeat what was added last at least so many times."""


def check_grammar(text: str) -> None:
    """Raise GrammarError for a grammar that llama.cpp would not survive or would read
    differently.
    """
    weights, rules = Weights(), Rules()
    for token in _TOKENS.finditer(text):
        for reader in (weights, rules):
            _read(token, text, reader)
        if weights.last > _MOST_REPETITIONS:
            raise GrammarError(f"{_line(token, text)}: what may be empty is repeated too often.")
        if weights.n_groups > _MOST_GROUPS:
            raise GrammarError(f"It has more than {_MOST_GROUPS:,} parentheses.")
    if weights.n_alternatives > _MOST_ALTERNATIVES:
        raise GrammarError(f"It has more than {_MOST_ALTERNATIVES:,} alternatives.")
    if trouble := rules.trouble():
        raise GrammarError(trouble)


def _read(token: re.Match[str], text: str, reader: GrammarReader) -> None:
    if token["rule"]:
        reader.begin(token["rule"].removesuffix("::=").strip())
    elif token["bounds"]:
        _read_bounds(token, text, reader)
    elif token[0] == '""':
        reader.add_empty()
    elif token["text"]:
        reader.add(TERMINAL)
    elif token["name"]:
        reader.add(token[0])
    elif token["sign"]:
        _read_sign(token[0], reader)


def _read_sign(sign: str, reader: GrammarReader) -> None:
    match sign:
        case "(":
            reader.open_group()
        case ")":
            reader.close_group()
        case "|":
            reader.end_alternative()
        case "?":
            reader.repeat(0, 1)
        case "*":
            reader.repeat_without_end(0)
        case "+":
            reader.repeat_without_end(1)


def _line(token: re.Match[str], text: str) -> str:
    return f"Line {text.count(chr(10), 0, token.start()) + 1}"


def _read_bounds(token: re.Match[str], text: str, reader: GrammarReader) -> None:
    least = _bound(token, "least", text)
    if not token["comma"]:
        reader.repeat(least, least)
    elif not token["most"]:
        reader.repeat_without_end(least)
    elif least <= (most := _bound(token, "most", text)):
        reader.repeat(least, most)
    else:
        message = f"{_line(token, text)}: the bounds {token[0]} are the wrong way round."
        raise GrammarError(message)


def _bound(token: re.Match[str], name: str, text: str) -> int:
    digits = token[name].lstrip("0") or "0"
    if len(digits) > len(str(LONGEST_REPETITION)) or int(digits) > LONGEST_REPETITION:
        raise GrammarError(
            f"{_line(token, text)}: {token[0][:40]} is more than {LONGEST_REPETITION:,} times."
        )
    return int(digits)
