"""Endless replies of one kind, as tokens of about four characters."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from itertools import chain, repeat

_WORDS = "the quick brown fox jumps over lazy dogs while small models write long texts".split()  # noqa: SIM905


def _words(seed: int = 0) -> Iterator[str]:
    chosen = random.Random(seed)
    return (f"{chosen.choice(_WORDS)} " for _ in repeat(None))


def prose() -> Iterator[str]:
    """Paragraphs of 90 words."""
    words = _words()
    return chain.from_iterable([*(next(words) for _ in range(90)), "\n\n"] for _ in repeat(None))


def one_list() -> Iterator[str]:
    """One list, its items 12 words long."""
    words = _words()
    return chain.from_iterable(
        ["- ", *(next(words) for _ in range(12)), "\n"] for _ in repeat(None)
    )


def one_fence() -> Iterator[str]:
    """One block of Python."""
    words = _words()
    lines = (
        ["    ", "x", " = ", *(f"{next(words)}+ " for _ in range(7)), "1", "\n"]
        for _ in repeat(None)
    )
    return chain(["```", "python\n"], chain.from_iterable(lines))


def one_table() -> Iterator[str]:
    """One table of three columns."""
    words = _words()
    rows = (
        [*chain.from_iterable(["| ", *(next(words) for _ in range(3))] for _ in range(3)), "|\n"]
        for _ in repeat(None)
    )
    return chain(
        ["| a ", "| b ", "| c ", "|\n", "|---", "|---", "|---", "|\n"], chain.from_iterable(rows)
    )


KINDS: dict[str, Callable[[], Iterator[str]]] = {
    "prose": prose,
    "list": one_list,
    "table": one_table,
    "code": one_fence,
}

TYPICAL = (
    "Here is how I would go about it. " * 8
    + "\n\n"
    + "".join(
        f"{n}. **Step {n}**: look at what is there, then change one thing at a time.\n"
        for n in range(1, 11)
    )
    + "\n```python\n"
    + "".join(f"    result_{n} = compute(value_{n}, factor={n})  # step {n}\n" for n in range(48))
    + "```\n\n"
    + "".join(f"- point {n}: it should be short, and it should be true\n" for n in range(8))
)
"""A reply as models write them: prose, a numbered list, code, bullets."""
