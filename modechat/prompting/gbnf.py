"""Makes parts of grammars in GBNF, llama.cpp's notation (grammars/README.md in its repository).

Every expression can stand in a sequence without parentheses around it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from modechat.domain.sequences import common_prefix_length

_IN_LITERAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_IN_CLASS = _IN_LITERAL | {"[": "\\[", "]": "\\]", "^": "\\x5E", "-": "\\x2D"}
LONGEST_REPETITION = 2000
"""The highest bound that llama.cpp takes; it reads a higher one as no bound."""


def literal(text: str) -> str:
    """Return the expression for exactly this text."""
    return f'"{_escaped(text, _IN_LITERAL)}"'


def character_of(characters: Iterable[str]) -> str:
    """Return the expression for one of these characters."""
    return f"[{_escaped(sorted(characters), _IN_CLASS)}]"


def _character_except(characters: Iterable[str], excluded: str = "") -> str:
    """Return the expression for any character but these.

    `excluded` has further characters, written as between the brackets of a class.
    """
    return f"[^{excluded}{_escaped(sorted(characters), _IN_CLASS)}]"


def _escaped(characters: Iterable[str], escapes: Mapping[str, str]) -> str:
    return "".join(escapes.get(character, character) for character in characters)


def one_of(options: Iterable[str]) -> str:
    options = list(dict.fromkeys(options))
    if len(options) == 1:
        return options[0]
    return f"( {' | '.join(options)} )"


def sequence(*parts: str) -> str:
    return " ".join(filter(None, parts)) or '""'


def repeated(rule: str, least: int, most: int | None) -> str:
    """Return the expression for `rule` from `least` to `most` times.

    `rule` is a name or one character class.
    """
    if most == 0:
        return '""'
    if (least, most) == (1, 1):
        return rule
    if (least, most) == (0, None):
        return f"{rule}*"
    if most is None:
        return f"{rule}{{{least},}}"
    return f"{rule}{{{least},{most}}}"


def whole_number(least: int | None, most: int | None) -> str:
    """Return the expression for a whole number from `least` to `most`, without leading zeros.

    None: no bound but 16 digits.
    """
    options = []
    if least is None or least < 0:
        closest = 1 if most is None or most >= 0 else -most
        farthest = None if least is None else -least
        options.append(f'"-" {_natural(closest, farthest)}')
    if most is None or most >= 0:
        options.append(_natural(max(least or 0, 0), most))
    return one_of(options)


def _natural(least: int, most: int | None) -> str:
    shortest = str(least)
    if most is None:
        options = [_between(shortest, "9" * len(shortest))]
        if len(shortest) < 16:
            options.append(f"[1-9] {_digits(len(shortest), 15)}")
        return one_of(options)
    options = []
    for length in range(len(shortest), len(str(most)) + 1):
        smallest = 10 ** (length - 1) if length > 1 else 0
        first, last = max(least, smallest), min(most, 10**length - 1)
        options.append(_between(str(first), str(last)))
    return one_of(options)


def _between(first: str, last: str) -> str:
    """Return the expression for numbers from `first` to `last`, which have equally many digits."""
    if not first:
        return ""
    rest = len(first) - 1
    if first[0] == last[0]:
        return sequence(literal(first[0]), _between(first[1:], last[1:]))
    if first[1:] == "0" * rest and last[1:] == "9" * rest:
        return sequence(f"[{first[0]}-{last[0]}]", _digits(rest, rest))
    options = [sequence(literal(first[0]), _between(first[1:], "9" * rest))]
    low, high = int(first[0]) + 1, int(last[0]) - 1
    if low <= high:
        options.append(sequence(f"[{low}-{high}]", _digits(rest, rest)))
    options.append(sequence(literal(last[0]), _between("0" * rest, last[1:])))
    return one_of(options)


def _digits(least: int, most: int) -> str:
    return repeated("[0-9]", least, most) if most else ""


def text_until(close: str, name: str) -> dict[str, str]:
    """Return rules for any text up to the first `close`, including it; the first rule is `name`.

    There is one rule for each count of characters of `close` that have just been read, as in the
    search of Knuth, Morris and Pratt.
    """
    names = [name, *(f"{name}-{n}" for n in range(1, len(close)))]
    rules = {}
    for n, rule in enumerate(names):
        options = []
        for character in sorted(set(close)):
            n_read = _n_read(close, close[:n] + character)
            following = names[n_read] if n_read < len(close) else ""
            options.append(sequence(character_of(character), following))
        options.append(f"{_character_except(set(close))} {name}")
        rules[rule] = " | ".join(options)
    return rules


def _n_read(close: str, text: str) -> int:
    """Return how many of the first characters of `close` stand at the end of `text`."""
    count = len(text)
    while not text.endswith(close[:count]):
        count -= 1
    return count


def text_except(texts: Iterable[str], character: str, excluded: str, name: str) -> dict[str, str]:
    """Return rules for any text of `character`s except `texts`; the first rule is `name`.

    `character` is a class. `excluded` is what the class of all other characters has between its
    brackets.
    """
    tree = _Tree()
    for text in texts:
        tree.add(text)
    names = [name, *(f"{name}-{n}" for n in range(1, len(tree.following)))]
    rules = {}
    for n, following in enumerate(tree.following):
        options = [f"{character_of(one)} {names[to]}" for one, to in sorted(following.items())]
        options.append(f"{_character_except(following, excluded)} {character}*")
        if n not in tree.ends:
            options.append('""')
        rules[names[n]] = " | ".join(options)
    return rules


def n_beginnings(texts: Iterable[str]) -> int:
    """Return how many rules `text_except` makes: one for each beginning of `texts`."""
    count = 1
    before = ""
    for text in sorted(texts):
        count += len(text) - common_prefix_length(before, text)
        before = text
    return count


class _Tree:
    """Texts as a tree of their characters; the root is node 0."""

    def __init__(self) -> None:
        self.following: list[dict[str, int]] = [{}]
        """By node: the nodes that follow it, by the character between."""
        self.ends: set[int] = set()
        """The nodes at which a text ends."""

    def add(self, text: str) -> None:
        node = 0
        for character in text:
            following = self.following[node]
            if character not in following:
                following[character] = len(self.following)
                self.following.append({})
            node = following[character]
        self.ends.add(node)
