"""What is wrong with a grammar in GBNF that llama.cpp would not survive, or would read in another way than it is meant.

llama.cpp computes for ever where the bounds of a repetition are the wrong way round, reads a bound that is too high as
none, and follows every way through repetitions of repetitions at once. What it refuses itself is left to it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from modechat.prompting.gbnf import LONGEST_REPETITION
from modechat.prompting.grammar_ways import TERMINAL, Rules

_MOST_REPETITIONS = 60
"""Of what may be empty, those inside of each other multiplied: llama.cpp follows all ways through them at once."""
_MOST_ALTERNATIVES = 5_000

_TOKENS = re.compile(
    r"""
    (?P<text> "(?:\\.|[^"\\])*" | \[(?:\\.|[^\]\\])*\] | \. | !?<[^>\s]*> )
    | (?P<comment> \#[^\n]* )
    | (?P<rule> [\w-]+ \s* ::= )
    | (?P<name> [\w-]+ )
    | (?P<bounds> \{ \s* (?P<least>\d+) \s* ,? \s* (?P<most>\d+)? \s* \} )
    | (?P<sign> [()|?*+] )
    """,
    re.VERBOSE | re.DOTALL,
)


class GrammarError(ValueError):
    """The message says what is wrong, and where."""


@dataclass
class _Item:
    """Something that stands in a sequence: how often it repeats at most what may be empty, and whether it may be."""

    weight: int = 1
    may_be_empty: bool = False

    def repeat(self, least: int, most: int) -> None:
        if self.may_be_empty:
            self.weight *= most
        self.may_be_empty = self.may_be_empty or least == 0


@dataclass
class _Group:
    """A rule, or what stands between parentheses."""

    weight: int = 1
    may_be_empty: bool = False
    """By one of the alternatives before."""
    alternative_may_be_empty: bool = True
    last: _Item | None = None

    def add(self, item: _Item | None) -> None:
        """The item before is whole now."""
        if self.last is not None:
            self.weight = max(self.weight, self.last.weight)
            self.alternative_may_be_empty = self.alternative_may_be_empty and self.last.may_be_empty
        self.last = item

    def end_alternative(self) -> None:
        self.add(None)
        self.may_be_empty = self.may_be_empty or self.alternative_may_be_empty
        self.alternative_may_be_empty = True

    def as_item(self) -> _Item:
        self.end_alternative()
        return _Item(self.weight, self.may_be_empty)


def check_grammar(text: str) -> None:
    """Raises GrammarError."""
    groups = [_Group()]
    n_alternatives = 0
    for token in _TOKENS.finditer(text):
        last = groups[-1].last
        if token["rule"]:
            groups = [_Group()]
        elif token["bounds"]:
            least, most = _bounds(token, text)
            if last is not None:
                last.repeat(least, most)
        elif token["text"] or token["name"]:
            groups[-1].add(_Item(may_be_empty=token[0] == '""'))
        elif token[0] == "(":
            groups.append(_Group())
        elif token[0] == ")" and len(groups) > 1:
            item = groups.pop().as_item()
            groups[-1].add(item)
        elif token[0] == "|":
            groups[-1].end_alternative()
            n_alternatives += 1
        elif token[0] in ("?", "*") and last is not None:
            last.may_be_empty = True
        if any(
            group.last is not None and group.last.weight > _MOST_REPETITIONS for group in groups
        ):
            raise GrammarError(f"{_line(token, text)}: what may be empty is repeated too often.")
    if n_alternatives > _MOST_ALTERNATIVES:
        raise GrammarError(f"It has more than {_MOST_ALTERNATIVES:,} alternatives.")
    if trouble := _rules(text).trouble():
        raise GrammarError(trouble)


def _rules(text: str) -> Rules:
    rules = Rules()
    for token in _TOKENS.finditer(text):
        if token["rule"]:
            rules.begin(token["rule"].removesuffix("::=").strip())
        elif token["bounds"]:
            rules.repeat(*_bounds(token, text))
        elif token[0] == '""':
            pass
        elif token["text"]:
            rules.add(TERMINAL)
        elif token["name"]:
            rules.add(token[0])
        elif token[0] == "(":
            rules.open_group()
        elif token[0] == ")":
            rules.close_group()
        elif token[0] == "|":
            rules.end_alternative()
        elif token[0] == "?":
            rules.repeat(0, 1)
        elif token[0] in ("*", "+"):
            rules.repeat(token[0] == "+", 2)  # what may be empty comes again behind itself
    return rules


def _line(token: re.Match[str], text: str) -> str:
    return f"Line {text.count(chr(10), 0, token.start()) + 1}"


def _bounds(token: re.Match[str], text: str) -> tuple[int, int]:
    """The least and the most that bounds allow; where nothing limits that, the least."""
    said = [(bound or "0").lstrip("0") or "0" for bound in (token["least"], token["most"])]
    if (
        max(map(len, said)) > len(str(LONGEST_REPETITION))
        or max(map(int, said)) > LONGEST_REPETITION
    ):
        raise GrammarError(
            f"{_line(token, text)}: {token[0][:40]} is more than {LONGEST_REPETITION:,} times."
        )
    least, most = map(int, said)
    if token["most"] is not None and least > most:
        raise GrammarError(f"{_line(token, text)}: the bounds {token[0]} are the wrong way round.")
    if token["most"] is None:
        most = max(least, 1)
    return least, most
