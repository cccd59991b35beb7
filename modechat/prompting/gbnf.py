"""Parts of grammars in GBNF, llama.cpp's notation (grammars/README.md in its repository).

Every function returns an expression that can stand in a sequence without parentheses around it.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable

_IN_LITERAL = {"\\": "\\\\", '"': '\\"', "\n": "\\n", "\r": "\\r", "\t": "\\t"}
_IN_CLASS = _IN_LITERAL | {"[": "\\[", "]": "\\]", "^": "\\x5E", "-": "\\x2D"}
LONGEST_REPETITION = 2000
"""What llama.cpp takes; it would read a higher bound as none."""


def literal(text: str) -> str:
    """Exactly this text."""
    return f'"{"".join(_IN_LITERAL.get(character, character) for character in text)}"'


def character_of(characters: Iterable[str], *, negated: bool = False) -> str:
    """One of these characters; any other one if `negated`."""
    return f"[{'^' if negated else ''}{''.join(_IN_CLASS.get(c, c) for c in sorted(characters))}]"


def one_of(options: Iterable[str]) -> str:
    options = list(dict.fromkeys(options))
    return options[0] if len(options) == 1 else f"( {' | '.join(options)} )"


def sequence(*parts: str) -> str:
    return " ".join(part for part in parts if part) or '""'


def repeated(rule: str, least: int, most: int | None) -> str:
    """`rule`, a name or one character class, from `least` to `most` times."""
    if most == 0:
        return '""'
    if (least, most) == (1, 1):
        return rule
    if most is None:
        return f"{rule}{{{least},}}" if least else f"{rule}*"
    return f"{rule}{{{least},{most}}}"


def whole_number(least: int | None, most: int | None) -> str:
    """A whole number in decimal from `least` to `most`, without leading zeros. None: no bound but 16 digits."""
    options = []
    if least is None or least < 0:
        closest = 1 if most is None or most >= 0 else -most
        options.append(f'"-" {_natural(closest, None if least is None else -least)}')
    if most is None or most >= 0:
        options.append(_natural(max(least or 0, 0), most))
    return one_of(options)


def _natural(least: int, most: int | None) -> str:
    shortest = str(least)
    if most is None:
        longer = [f"[1-9] {_digits(len(shortest), 15)}"] if len(shortest) < 16 else []
        return one_of([_between(shortest, "9" * len(shortest)), *longer])
    options = []
    for length in range(len(shortest), len(str(most)) + 1):
        first = max(least, 10 ** (length - 1) if length > 1 else 0)
        last = min(most, 10**length - 1)
        options.append(_between(str(first), str(last)))
    return one_of(options)


def _between(first: str, last: str) -> str:
    """The numbers from `first` to `last`, which have the same count of digits."""
    if not first:
        return '""'
    rest = len(first) - 1
    if first[0] == last[0]:
        return sequence(literal(first[0]), _between(first[1:], last[1:]) if rest else "")
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
    """Rules for any text up to the first `close`, that included; the one to begin with is `name`.

    One rule for each count of characters of `close` that have just been read, as in Knuth, Morris and Pratt's search.
    """
    names = [name, *(f"{name}-{n}" for n in range(1, len(close)))]
    rules = {}
    for n, rule in enumerate(names):
        moves: dict[str, int] = {}
        for character in set(close):
            text = close[:n] + character
            moves[character] = next(k for k in range(len(text), -1, -1) if text.endswith(close[:k]))
        options = [
            character_of([character]) + (f" {names[to]}" if to < len(close) else "")
            for character, to in sorted(moves.items())
        ]
        rules[rule] = " | ".join([*options, f"{character_of(moves, negated=True)} {name}"])
    return rules


def text_except(texts: Collection[str], character: str, excluded: str, name: str) -> dict[str, str]:
    """Rules for text of `character`s that is none of `texts`, which consist of such; the one to begin with is `name`.

    `character` is a class, and `excluded` what a class of all the others has between its brackets.
    """
    prefixes = sorted({"", *(text[:n] for text in texts for n in range(1, len(text) + 1))})
    names = {prefix: f"{name}-{n}" for n, prefix in enumerate(prefixes)}
    names[""] = name
    rules = {}
    for prefix in prefixes:
        following = {
            text[len(prefix)]
            for text in prefixes
            if len(text) == len(prefix) + 1 and text[:-1] == prefix
        }
        options = [f"{character_of([c])} {names[prefix + c]}" for c in sorted(following)]
        others = f"[^{excluded}{character_of(following)[1:-1]}]"
        options.append(f"{others} {character}*")
        if prefix not in texts:
            options.append('""')
        rules[names[prefix]] = " | ".join(options)
    return rules
