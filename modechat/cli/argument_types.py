"""Types of command line arguments: functions that read a text, or raise an error with a reason."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from pathlib import Path
from typing import Literal, TypeVar

from modechat.user_paths import NoHomeFolder, user_path

N = TypeVar("N", int, float)


def conversation(text: str) -> int | Literal["last"]:
    """Read the number of a conversation, or `last`."""
    if text == "last":
        return "last"
    return whole_number(1, 2**63 - 1)(text)


def names_with_commas(text: str) -> tuple[str, ...]:
    """Read names that are separated by commas."""
    names = tuple(map(str.strip, text.split(",")))
    if not all(names):
        raise argparse.ArgumentTypeError(f"{text!r} is no list of names")
    return names


def whole_number(least: int, most: int) -> Callable[[str], int]:
    """Return the type of a whole number from `least` to `most`."""
    return _ranged(int, "a whole number", least, most)


def number(least: float, most: float) -> Callable[[str], float]:
    """Return the type of a number from `least` to `most`."""
    return _ranged(float, "a number", least, most)


def share(text: str) -> float:
    """Read a number above 0 and at most 1."""
    found = number(0, 1)(text)
    if found == 0:
        raise argparse.ArgumentTypeError(f"{text} is not above 0")
    return found


def path(text: str) -> Path:
    """Read a path as users write it."""
    try:
        return user_path(text)
    except NoHomeFolder as error:
        raise argparse.ArgumentTypeError(str(error)) from None


def _ranged(convert: Callable[[str], N], kind: str, least: N, most: N) -> Callable[[str], N]:
    def parse(text: str) -> N:
        try:
            found = convert(text)
        except ValueError:
            raise argparse.ArgumentTypeError(f"{text!r} is not {kind}") from None
        if not least <= found <= most:
            raise argparse.ArgumentTypeError(f"{text} is not between {least} and {most}")
        return found

    return parse
