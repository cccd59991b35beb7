"""What the benchmark says to a model: prose that makes no difference, as long as it is asked for, and two tasks."""

from __future__ import annotations

import random

STORY = "Write a long and detailed story about a lighthouse keeper who finds a letter in a bottle."
COPY = "Repeat this text word for word, without any change."

_VOCABULARY = """
the keeper of a small lighthouse wrote down weather every morning and in evening he added what sea had brought plank
bottle once violin without strings when relief boat came its captain read book from first page to last twice asked for
nothing else then gave him letter that was four years old answer took all night so they sat under lamp while rain went
over island until birds began
"""


def prose(number: int, n_words: int) -> str:
    """Text of `n_words` words; every number makes another one, always the same, and different from its first word."""
    chance, vocabulary = random.Random(number), _VOCABULARY.split()
    words = [f"Day {number}: it"] + [chance.choice(vocabulary) for _ in range(n_words)]
    for index in range(12, len(words), 13):
        words[index] += "."
    return " ".join(words) + "."
