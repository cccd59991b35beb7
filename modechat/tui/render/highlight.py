"""Colours code line by line, as it comes.

Pygments' lexers need the whole text. This module follows their rules and keeps the state at the
start of each line, so that a new line costs the same for any length of code.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import cache
from typing import TYPE_CHECKING, Any

from modechat.tui.render.rows import Piece, Style

if TYPE_CHECKING:
    import re

    from pygments.lexer import Lexer
    from pygments.token import _TokenType

_LONGEST_LINE = 1000
"""Characters of a line that gets colours; the patterns of some lexers take quadratic time."""
_UNSETTLED = 3
"""Lines at the end whose colours may still change, because patterns look ahead."""
_LONGEST_TOKEN = 200
"""Lines of a token; the end of a longer one (a comment without an end) is not awaited."""
_LINES_WITHOUT_STATE = 60
"""Lines that are read at once for lexers whose state cannot be kept."""

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
    """Colours whole lines. `settled` lines do not change any more, `unsettled` lines may."""

    def __init__(self, language: str) -> None:
        """Colour code in `language`, the text after the fence; an unknown one has no colours."""
        self.settled: list[list[Piece]] = []
        self.unsettled: list[list[Piece]] = []
        words = language.split()
        self._lexer: Lexer | None = None
        if words:
            self._lexer = _lexer(words[0].strip("{}.").casefold())
        self._stack = ["root"]
        self._lines: list[str] = []
        """The unsettled lines as text."""

    def add(self, lines: Sequence[str]) -> None:
        """Add lines, without their line breaks."""
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
        """Settle all lines, because no more will come."""
        if self._lines:
            self._read(final=True)

    def _read(self, *, final: bool = False) -> None:
        """Colour the unsettled lines, and settle all but the last few."""
        assert self._lexer is not None
        styled, states = _styled(self._lexer, self._lines, self._stack)
        if final:
            self._settle(styled, states[-1] or ["root"])
            return
        cut = self._last_settled(states)
        if cut:
            self._settle(styled[:cut], states[cut] or ["root"])
        self.unsettled = styled[cut:]

    def _last_settled(self, states: Sequence[list[str] | None]) -> int:
        """Return how many lines are final: those before the last that begins outside a token."""
        most = len(self._lines) - _UNSETTLED
        for at in range(min(most, len(states) - 1), 0, -1):
            if states[at] is not None:
                return at
        return most if len(self._lines) > _LONGEST_TOKEN else 0

    def _settle(self, styled: list[list[Piece]], stack: list[str]) -> None:
        self.settled += styled
        del self._lines[: len(styled)]
        self._stack = stack
        self.unsettled = []


def _styled(
    lexer: Lexer, lines: Sequence[str], stack: Sequence[str]
) -> tuple[list[list[Piece]], list[list[str] | None]]:
    """Return the coloured lines, and the lexer's state at the start of each (None in a token)."""
    styled: list[list[Piece]] = [[]]
    states: list[list[str] | None] = [list(stack)]
    text = "".join(f"{line}\n" for line in lines)
    for kind, value, state in _tokens(lexer, text, list(stack)):
        first, *rest = value.split("\n")
        style = _style(kind)
        if first:
            _append(styled[-1], first, style)
        for part in rest:
            styled.append([(part, style)] if part else [])
            states.append(None)
        if rest and not rest[-1]:
            states[-1] = state
    return styled[: len(lines)], states


def _append(line: list[Piece], text: str, style: Style) -> None:
    """Add text to a line.

    The text joins a piece of the same style, so that the parts of an emoji stay together.
    """
    if line and line[-1][1] == style:
        line[-1] = (line[-1][0] + text, style)
    else:
        line.append((text, style))


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
    """Yield tokens, each with the lexer's state after it; None if the state is not known."""
    from pygments.lexer import RegexLexer

    own = type(lexer).get_tokens_unprocessed
    if isinstance(lexer, RegexLexer) and own is RegexLexer.get_tokens_unprocessed:
        yield from _regex_tokens(lexer, text, stack)
        return
    after: list[str] | None = None
    if text.count("\n") > _LINES_WITHOUT_STATE:
        after = ["root"]
    for _, kind, value in lexer.get_tokens_unprocessed(text):
        yield kind, value, after


def _regex_tokens(
    lexer: Any, text: str, stack: list[str]
) -> Iterator[tuple[_TokenType, str, list[str] | None]]:
    """Yield tokens by Pygments' rules (`RegexLexer.tokens`), beginning in the state `stack`."""
    from pygments.token import Error, Whitespace, _TokenType

    position = 0
    while True:
        for match_at, action, target in lexer._tokens[stack[-1]]:
            match = match_at(text, position)
            if match is None:
                continue
            stack = _moved(stack, target)
            if isinstance(action, _TokenType):
                yield action, match.group(), stack
            elif action is not None:
                yield from _parts(lexer, action, match, stack)
            position = match.end()
            break
        else:
            if position >= len(text):
                return
            if text[position] == "\n":
                stack = ["root"]
                yield Whitespace, "\n", stack
            else:
                yield Error, text[position], stack
            position += 1


def _parts(
    lexer: Any, action: Any, match: re.Match[str], after: list[str]
) -> Iterator[tuple[_TokenType, str, list[str] | None]]:
    """Yield the tokens that a rule's action makes of its match."""
    parts = list(action(lexer, match))
    for number, (_, kind, value) in enumerate(parts, 1):
        yield kind, value, after if number == len(parts) else None


def _moved(stack: list[str], target: object) -> list[str]:
    """Return the stack of states after a rule with this `target`."""
    if target is None:
        return stack
    stack = list(stack)
    if isinstance(target, int):
        del stack[max(1, len(stack) + target) :]
        return stack
    states = target if isinstance(target, tuple) else (target,)
    for state in states:
        if state == "#push":
            stack.append(stack[-1])
        elif state != "#pop":
            stack.append(state)
        elif len(stack) > 1:
            stack.pop()
    return stack


@cache
def _style(kind: Any) -> tuple[str, ...]:
    while kind:
        name = ".".join(kind)
        if name in _STYLES:
            return (_STYLES[name],)
        kind = kind.parent
    return ()
