"""Colours of code, line by line as it comes.

Pygments' lexers want the whole text. Here its rules are followed with the state kept at the start of each line, so
that a new line costs the same however long the code is.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from modechat.tui.render.rows import Piece

if TYPE_CHECKING:
    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_LONGEST_LINE = 1000
"""Characters; the patterns of some lexers take quadratic time."""
_UNSETTLED = 3
"""Lines at the end whose colours may still change: patterns look ahead."""
_LONGEST_TOKEN = 200
"""Lines; a token that is longer (a comment without an end) is given up."""
_LINES_WITHOUT_STATE = 60
"""For lexers whose state cannot be kept: so many lines are read at once."""

_STYLES = {
    "Comment": "code-comment",
    "Keyword": "code-keyword",
    "Keyword.Constant": "code-number",
    "Operator.Word": "code-keyword",
    "Literal.String": "code-string",
    "Literal.String.Doc": "code-comment",
    "Literal.Number": "code-number",
    "Name.Function": "code-function",
    "Name.Decorator": "code-function",
    "Name.Class": "code-type",
    "Name.Exception": "code-type",
    "Name.Namespace": "code-type",
    "Name.Builtin": "code-builtin",
    "Name.Tag": "code-keyword",
    "Name.Attribute": "code-function",
    "Generic.Deleted": "code-deleted",
    "Generic.Inserted": "code-inserted",
    "Generic.Heading": "code-keyword",
    "Generic.Subheading": "code-type",
}


class Highlighter:
    """Takes whole lines; `settled` lines do not change any more, `unsettled` ones may."""

    def __init__(self, language: str) -> None:
        """`language` as it stands after the fence; an unknown one has no colours."""
        self.settled: list[list[Piece]] = []
        self.unsettled: list[list[Piece]] = []
        words = language.split()
        self._lexer = _lexer(words[0].strip("{}.").casefold()) if words else None
        self._stack = ["root"]
        self._lines: list[str] = []
        """The unsettled ones."""

    def add(self, lines: Sequence[str]) -> None:
        """More lines, without their line breaks."""
        for line in lines:
            self._lines.append(line)
            if self._lexer is None:
                self._settle([[(line, ())]], ["root"])
            elif len(line) > _LONGEST_LINE:
                self._read(final=True)
                self._settle([[(text, ())] for text in self._lines], ["root"])
            elif len(self._lines) > 2 * _UNSETTLED:
                self._read()
        if self._lines:
            self._read()
        else:
            self.unsettled = []

    def finish(self) -> None:
        """No more lines will come."""
        if self._lines:
            self._read(final=True)

    def _read(self, *, final: bool = False) -> None:
        """Colour the unsettled lines, and settle those before the last few."""
        assert self._lexer is not None
        styled: list[list[Piece]] = [[]]
        states: list[list[str] | None] = [list(self._stack)]
        """At the start of each line; None inside of a token."""
        text = "".join(f"{line}\n" for line in self._lines)
        for kind, value, stack in _tokens(self._lexer, text, list(self._stack)):
            first, *rest = value.split("\n")
            style = _style(kind)
            if (
                first and styled[-1] and styled[-1][-1][1] == style
            ):  # parts of an emoji stay together
                styled[-1][-1] = (styled[-1][-1][0] + first, style)
            elif first:
                styled[-1].append((first, style))
            for number, part in enumerate(rest, 1):
                styled.append([(part, style)] if part else [])
                states.append(stack if number == len(rest) and not part else None)
        styled = styled[: len(self._lines)]
        if final:
            self._settle(styled, states[-1] or ["root"])
            return
        cut = next(
            (
                at
                for at in range(len(self._lines) - _UNSETTLED, 0, -1)
                if at < len(states) and states[at] is not None
            ),
            0,
        )
        if not cut and len(self._lines) > _LONGEST_TOKEN:
            cut = len(self._lines) - _UNSETTLED
        if cut:
            self._settle(styled[:cut], states[cut] or ["root"])
        self.unsettled = styled[cut:]

    def _settle(self, styled: list[list[Piece]], stack: list[str]) -> None:
        self.settled += styled
        del self._lines[: len(styled)]
        self._stack = stack
        self.unsettled = []


@cache
def _lexer(language: str) -> Lexer | None:
    from pygments.lexers import get_lexer_by_name
    from pygments.util import ClassNotFound

    try:
        return get_lexer_by_name(language)
    except ClassNotFound:
        return None


def _tokens(
    lexer: Lexer, text: str, stack: list[str]
) -> Iterator[tuple[_TokenType, str, list[str] | None]]:
    """Tokens with the lexer's state behind them; None where a token has parts, or the state is not known."""
    from pygments.lexer import RegexLexer

    if (
        not isinstance(lexer, RegexLexer)
        or type(lexer).get_tokens_unprocessed is not RegexLexer.get_tokens_unprocessed
    ):
        lines = text.count("\n")
        for _, kind, value in lexer.get_tokens_unprocessed(text):
            yield kind, value, ["root"] if lines > _LINES_WITHOUT_STATE else None
        return
    yield from _regex_tokens(lexer, text, stack)


def _regex_tokens(
    lexer: Any, text: str, stack: list[str]
) -> Iterator[tuple[_TokenType, str, list[str] | None]]:
    """Pygments' rules (`RegexLexer.tokens`), begun in the state `stack`."""
    from pygments.token import Error, Whitespace, _TokenType

    position = 0
    while True:
        for match_at, action, target in lexer._tokens[stack[-1]]:
            match = match_at(text, position)
            if match is None:
                continue
            after = _moved(stack, target)
            if action is not None:
                if isinstance(action, _TokenType):
                    yield action, match.group(), after
                else:
                    parts = [(kind, value) for _, kind, value in action(lexer, match)]
                    for number, (kind, value) in enumerate(parts, 1):
                        yield kind, value, after if number == len(parts) else None
            position = match.end()
            stack = after
            break
        else:
            if position >= len(text):
                return
            if text[position] == "\n":
                stack = ["root"]
            yield Whitespace if text[position] == "\n" else Error, text[position], stack
            position += 1


def _moved(stack: list[str], target: object) -> list[str]:
    """The stack of states after a rule with this `target`."""
    if target is None:
        return stack
    stack = list(stack)
    if isinstance(target, int):
        del stack[max(1, len(stack) + target) :]
        return stack
    for state in target if isinstance(target, tuple) else (target,):
        if state == "#pop":
            if len(stack) > 1:
                stack.pop()
        else:
            stack.append(stack[-1] if state == "#push" else state)
    return stack


@cache
def _style(kind: Any) -> tuple[str, ...]:
    while kind:
        name = ".".join(kind)
        if name in _STYLES:
            return (_STYLES[name],)
        kind = kind.parent
    return ()
